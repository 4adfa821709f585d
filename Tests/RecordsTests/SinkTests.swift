import Cryptography
import Ground
import Testing

@testable import Records

@Suite struct SinkTests {
    private typealias Make = StoreFixture

    @Test func `A request is signed as AWS's own example is`() {
        let signer = SignatureV4(
            key: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            region: "us-east-1")
        let headers = signer.headers(
            method: "PUT", path: ObjectSink.encoded("/test$file.text"),
            headers: [
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("host", "examplebucket.s3.amazonaws.com"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ], body: Hash.sha256(Array("Welcome to Amazon S3.".utf8)),
            at: WallTime(nanoseconds: 1_369_353_600_000_000_000))
        #expect(headers[1].1 == "20130524T000000Z")
        let signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        #expect(headers[2].1.hasSuffix("Signature=\(signature)"))
        #expect(headers[2].1.contains("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"))
    }

    @Test func `What a sink has not taken stays due, and what it has taken is not given again`()
        throws
    {
        let fixture = try StoreFixture()
        try fixture.store.register(sink: "a", parts: [.records, .truths])
        try fixture.ingest((1...5).map { Make.result($0) })
        let first = try fixture.store.dueRecords("a", limit: 3)
        #expect(first.items.map(\.sequence) == [1, 2, 3])
        #expect(try fixture.store.dueRecords("a", limit: 3).items.map(\.sequence) == [1, 2, 3])
        try fixture.store.advance("a", .records, to: #require(first.through))
        #expect(try fixture.store.dueRecords("a", limit: 3).items.map(\.sequence) == [4, 5])
        #expect(try fixture.store.owing(to: "a") == 2)
        #expect(try fixture.store.dueRecords("nobody", limit: 3).through == nil)
        // A label that is replaced is due again.
        for at in [1, 2] as [Int64] {
            let label = TrueLabel(label: "\(at)", at: Make.after(at), who: "x")
            _ = try fixture.store.label(
                .request("request-1", task: "digits"), label, now: Make.start)
            let due = try fixture.store.dueTruths("a", limit: 9)
            #expect(due.items.map(\.label.label) == ["\(at)"])
            try fixture.store.advance("a", .truths, to: #require(due.through))
        }
        #expect(try fixture.store.dueTruths("a", limit: 9).through == nil)
    }

    @Test func `What a sink has not taken is kept for twice its term, and then said to be lost`()
        throws
    {
        let fixture = try StoreFixture()
        try fixture.store.register(sink: "a", parts: [.records, .frames])
        let origin = Make.origin("leaf-a", .escalation)
        try fixture.ingest((1...2).map { Make.escalation($0) }, from: origin)
        try fixture.store.advance("a", .records, to: 1)
        try fixture.store.advance("a", .frames, to: 1)
        let first = try fixture.store.purge(now: Make.after(1500))
        #expect(first.map(\.kind) == ["frames", "records", "settlements"])
        #expect(first.map(\.count) == [2, 1, 2] && first.map(\.undelivered) == [1, 0, 0])
        #expect(try fixture.rows().map(\.sequence) == [2])
        let second = try fixture.store.purge(now: Make.after(2001))
        #expect(second.map(\.kind) == ["records"] && second.map(\.undelivered) == [1])
        #expect(try fixture.rows().isEmpty)
        // Nobody waits for a sink that the topology does not name any more.
        try fixture.ingest([Make.result(1)])
        try fixture.store.keepSinks(["b"])
        #expect(try fixture.store.purge(now: Make.after(1001)).map(\.undelivered) == [0])
    }

    @Test func `A frame is put under its digest, and only where none lies`() throws {
        let fixture = try StoreFixture()
        let settings = ObjectSettings(
            Endpoint(host: "s3.example", port: 443), bucket: "frames", prefix: "mill 3/",
            region: "eu-1", key: "k", secret: "s")
        let sink = try ObjectSink(fixture.store, name: "s3", settings)
        #expect(try sink.next(now: Make.start) == nil)
        try fixture.ingest(
            (1...3).map { Make.escalation($0) }, from: Make.origin("leaf-a", .escalation))
        let digests = try fixture.rows().reversed().map { try #require($0.payload) }
        try fixture.store.payloads.remove(digests[1])

        let first = try #require(try sink.next(now: Make.start))
        let hex = digests[0].hex
        #expect(first.path == "/frames/mill%203/sha256/\(hex.prefix(2))/\(hex)")
        #expect(first.headers.contains { $0 == ("if-none-match", "*") })
        for status in [500, 503, 429, 403, 404] {
            #expect(throws: Fault.self) { try sink.finish(first, status: status, words: "") }
        }
        #expect(try sink.next(now: Make.start)?.row == first.row)
        try sink.finish(first, status: 200, words: "")
        // The second one's file is gone; the third lies there already.
        let third = try #require(try sink.next(now: Make.start))
        #expect(third.path.hasSuffix(digests[2].hex))
        try sink.finish(third, status: 412, words: "")
        #expect(try sink.next(now: Make.start) == nil)
    }
}
