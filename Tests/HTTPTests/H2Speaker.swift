import Ground

@testable import HTTP

/// HTTP/2 written by hand: what a client that means ill would send.
struct H2Speaker {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func frame(
        _ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []
    ) -> [UInt8] {
        let count = payload.count
        return [
            UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags,
            UInt8(stream >> 24), UInt8(stream >> 16 & 255), UInt8(stream >> 8 & 255),
            UInt8(stream & 255),
        ] + payload
    }

    static let opening = preface + frame(Frame.settings)

    /// A header field that HPACK neither indexes nor compresses.
    static func literal(_ name: String, _ value: String) -> [UInt8] {
        [0] + string(name) + string(value)
    }

    private static func string(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }

    static func headers(_ extra: [(String, String)] = [], isGRPC: Bool = true) -> [UInt8] {
        // :method POST and :scheme http stand in the static table.
        var block: [UInt8] = [0x83, 0x86]
        block += literal(":path", "/test/Raw") + literal(":authority", "a")
        if isGRPC { block += literal("content-type", "application/grpc") }
        for (name, value) in extra { block += literal(name, value) }
        return block
    }

    /// A whole request's HEADERS frame.
    static func request(
        _ stream: UInt32, end: Bool = false, _ extra: [(String, String)] = [], isGRPC: Bool = true
    ) -> [UInt8] {
        frame(
            Frame.headers, flags: end ? 0x5 : 0x4, stream: stream,
            headers(extra, isGRPC: isGRPC))
    }

    static func data(_ stream: UInt32, end: Bool = false, _ payload: [UInt8]) -> [UInt8] {
        frame(Frame.data, flags: end ? 1 : 0, stream: stream, payload)
    }

    /// A gRPC message's five bytes that promise `length`.
    static func prefix(_ length: UInt32, flag: UInt8 = 0) -> [UInt8] {
        [
            flag, UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255),
            UInt8(length & 255),
        ]
    }

    /// `grpc-status` of every answer in what a server sent, found without HPACK state: literals only help so
    /// far, so the caller uses a real client where headers matter.
    static func types(_ sent: [UInt8]) -> [UInt8] { frames(sent[...]).map(\.type) }
}
