import Ground
import Testing

@testable import Wire

/// What version 1 of the wire says, as it was frozen in Tests/Golden/wire/v1, with other people's
/// protobufs.
@Suite struct VersionTests {
    /// A message's coding, by the name of its golden file.
    struct Kind: Sendable, CustomTestStringConvertible {
        let name: String
        let recoded: @Sendable (Bytes) throws(Fault) -> [UInt8]

        init<M: WireMessage>(_ name: String, _ type: M.Type) {
            self.name = name
            recoded = { (bytes) throws(Fault) in joined(try M.decode(bytes).encode()) }
        }

        var testDescription: String { name }

        static let all = [
            Kind("escalation", InferRequest.self), Kind("answer", InferResponse.self),
            Kind("hello", Hello.self), Kind("hello-reply", HelloReply.self),
            Kind("load-request", LoadReportRequest.self), Kind("load-report", LoadReport.self),
            Kind("feedback", Feedback.self), Kind("feedback-reply", FeedbackReply.self),
            Kind("node-report", NodeReport.self), Kind("node-report-reply", NodeReportReply.self),
            Kind("upload", UploadBatch.self), Kind("upload-reply", UploadReply.self),
            Kind("owed-block", OwedBlock.self),
        ]
        /// What cannot be without saying whose it is.
        static let needOrigin = ["upload", "upload-reply"]
    }

    @Test(arguments: Kind.all)
    func `What version 1 says is read whole and said in the same bytes`(_ kind: Kind) throws {
        let bytes = try golden("v1/\(kind.name)")
        #expect(try kind.recoded(bytes) == bytes.array)
    }

    @Test(arguments: Kind.all)
    func `What a later version adds, at any depth, is passed over`(_ kind: Kind) throws {
        let later = try golden("v1/\(kind.name)-later")
        let known = try golden("v1/\(kind.name)")
        #expect(later.count > known.count)
        #expect(try kind.recoded(later) == known.array)
    }

    @Test(arguments: Kind.all.filter { !Kind.needOrigin.contains($0.name) })
    func `A message of which nothing came has defaults`(_ kind: Kind) throws {
        #expect(try kind.recoded(Bytes([])).isEmpty)
    }

    @Test func `An escalation of version 1 says what it says`() throws {
        let request = try InferRequest.decode(golden("v1/escalation"))
        #expect(request.model == "meter-digits")
        #expect(request.parameters.integer("timeout") == 480_000)
        #expect(request.parameters.string("canopy.via") == "leaf-mill-3")
        #expect(request.parameters.number("canopy.accept") == 0.75)
        #expect(request.inputs.map(\.shape) == [[2, 3]])
        #expect(request.inputs[0].contents.array == [0, 1, 2, 3, 4, 5])
    }

    @Test func `An answer of version 1 says what it says`() throws {
        let response = try InferResponse.decode(golden("v1/answer"))
        #expect(response.parameters.string("canopy.tier") == "regional")
        #expect(response.parameters.bool("canopy.accepted") == true)
        #expect(response.outputs[0].contents.array == [9, 0, 0, 0, 0, 0, 0, 0])
    }
}
