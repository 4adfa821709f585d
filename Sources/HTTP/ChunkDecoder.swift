internal import Ground

/// Takes the chunked coding of HTTP/1.1 apart (RFC 9112, 7.1), strictly.
///
/// Own code, as the system's http_parser is built without its checks of the line ends between chunks, and two
/// parsers that differ there read two different requests.
struct ChunkDecoder {
    private enum State { case size, sizeEnd, data, dataReturn, dataFeed, trailer, trailerFeed, done }

    /// A size line's bytes, extension included: no known client sends extensions at all.
    private static let longestLine = 256
    /// Trailer bytes; they are read over.
    private static let trailerBound = 4 << 10

    private var state = State.size
    private var size = 0
    private var digits = 0
    private var lineBytes = 0
    private var inExtension = false
    private var trailerBytes = 0

    var isDone: Bool { state == .done }

    /// Takes bytes from the front of `bytes` and gives each stretch of data to `body`, until the body ends.
    mutating func decode(
        _ bytes: inout UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(Fault) {
        while let byte = bytes.first, state != .done {
            if state == .data {
                let step = min(size, bytes.count)
                body(UnsafeRawBufferPointer(rebasing: bytes[..<step]))
                bytes = UnsafeRawBufferPointer(rebasing: bytes[step...])
                size -= step
                if size == 0 { state = .dataReturn }
                continue
            }
            bytes = UnsafeRawBufferPointer(rebasing: bytes[1...])
            try line(byte)
        }
    }

    private mutating func line(_ byte: UInt8) throws(Fault) {
        switch state {
        case .size: try sizeByte(byte)
        case .sizeEnd:
            try expect(byte, 0x0a, "a chunk's size line")
            (digits, lineBytes, inExtension) = (0, 0, false)
            state = size == 0 ? .trailer : .data
        case .dataReturn:
            try expect(byte, 0x0d, "a chunk")
            state = .dataFeed
        case .dataFeed:
            try expect(byte, 0x0a, "a chunk")
            state = .size
        case .trailer: try trailerByte(byte)
        case .trailerFeed:
            try expect(byte, 0x0a, "a trailer")
            state = lineBytes == 0 ? .done : .trailer
            lineBytes = 0
        case .data, .done: break
        }
    }

    private mutating func sizeByte(_ byte: UInt8) throws(Fault) {
        lineBytes += 1
        guard lineBytes <= Self.longestLine else { throw Self.wrong("a chunk's size line is too long") }
        if byte == 0x0d {
            guard digits > 0 else { throw Self.wrong("a chunk has no size") }
            state = .sizeEnd
        } else if inExtension {
            guard byte == 0x09 || (byte >= 0x20 && byte != 0x7f) else {
                throw Self.wrong("a chunk extension has a control character")
            }
        } else if byte == UInt8(ascii: ";"), digits > 0 {
            inExtension = true
        } else {
            guard let digit = Self.hex(byte), digits < 15 else {
                throw Self.wrong("a chunk's size is not a number")
            }
            size = (digits == 0 ? 0 : size) << 4 | digit
            digits += 1
        }
    }

    private mutating func trailerByte(_ byte: UInt8) throws(Fault) {
        trailerBytes += 1
        guard trailerBytes <= Self.trailerBound else { throw Self.wrong("the trailers are too long") }
        if byte == 0x0d {
            state = .trailerFeed
        } else {
            guard byte == 0x09 || (byte >= 0x20 && byte != 0x7f) else {
                throw Self.wrong("a trailer has a control character")
            }
            lineBytes += 1
        }
    }

    private func expect(_ byte: UInt8, _ wanted: UInt8, _ what: String) throws(Fault) {
        if byte != wanted { throw Self.wrong("\(what) does not end in CR LF") }
    }

    private static func wrong(_ what: String) -> Fault {
        Fault(.invalid, "the chunked body is malformed: \(what)", source: .client)
    }

    private static func hex(_ byte: UInt8) -> Int? {
        switch byte {
        case 0x30...0x39: Int(byte) - 0x30
        case 0x41...0x46: Int(byte) - 0x41 + 10
        case 0x61...0x66: Int(byte) - 0x61 + 10
        default: nil
        }
    }
}
