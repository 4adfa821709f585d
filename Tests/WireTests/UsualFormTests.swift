import Ground
import Testing

@testable import Wire

/// Frames' messages are read in two ways: those of the usual form field by field, all others by
/// protobuf-c.
@Suite struct UsualFormTests {
    private static let requests = ["request-raw", "v1/escalation", "v1/escalation-later"]
    private static let responses = ["response", "v1/answer", "v1/answer-later"]

    @Test(arguments: requests)
    func `A request of the usual form is read as protobuf-c reads it`(_ name: String) throws {
        let bytes = try golden(name)
        #expect(isUsual(bytes, rawField: 7))
        try agree(bytes)
    }

    @Test(arguments: responses)
    func `A response of the usual form is read as protobuf-c reads it`(_ name: String) throws {
        let bytes = try golden(name)
        #expect(isUsual(bytes, rawField: 6))
        let usual = try InferResponse.decode(bytes)
        #expect(joined(usual.encode()) == joined(try InferResponse.decodeAny(bytes).encode()))
    }

    @Test(arguments: ["request-raw-first", "request-typed"])
    func `A request of another form is left to protobuf-c`(_ name: String) throws {
        #expect(!isUsual(try golden(name), rawField: 7))
    }

    @Test(arguments: requests)
    func `Of a changed message, what the short way reads is what protobuf-c reads`(
        _ name: String
    ) throws {
        let bytes = try golden(name).array
        var read = 0
        for index in bytes.indices {
            for change: UInt8 in [0x01, 0x02, 0x07, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF] {
                var changed = bytes
                changed[index] ^= change
                read += try agree(Bytes(changed)) ? 1 : 0
            }
            try agree(Bytes(Array(bytes[..<index])))
        }
        // Many changes leave a valid message: another letter, another number.
        #expect(read > bytes.count)
    }

    /// Whether the short way reads the message.
    private func isUsual(_ bytes: Bytes, rawField: Int) -> Bool {
        var message = TensorMessage()
        return message.read(bytes, rawField: rawField)
    }

    /// Whether the short way reads the message; what it reads must be right.
    @discardableResult
    private func agree(_ bytes: Bytes) throws -> Bool {
        guard isUsual(bytes, rawField: 7) else { return false }
        let usual = try InferRequest.decode(bytes)
        let other = try InferRequest.decodeAny(bytes)
        #expect(joined(usual.encode()) == joined(other.encode()))
        #expect(usual.inputs.map(\.contents.array) == other.inputs.map(\.contents.array))
        return true
    }
}
