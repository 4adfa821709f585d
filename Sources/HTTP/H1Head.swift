internal import CHTTPParser
internal import Ground

/// Room for one parsed HTTP/1 head; one for each server, as a head is parsed in one go.
final class H1HeadScratch {
    fileprivate let head = UnsafeMutablePointer<canopy_h1_head>.allocate(capacity: 1)
    deinit { head.deallocate() }
}

/// Finds the empty line that ends a head, in bytes that come piece by piece.
///
/// A line that ends without CR ends a head here too, so that the parser sees it and refuses it.
struct HeadScanner {
    private var scanned = 0
    private var lineIsEmpty = false

    /// The number of bytes up to and with the empty line, or `nil`; `bytes` begin where they began
    /// before.
    mutating func end(_ bytes: UnsafeRawBufferPointer) -> Int? {
        while scanned < bytes.count {
            let byte = bytes[scanned]
            scanned += 1
            if byte == 0x0a {
                if lineIsEmpty { return scanned }
                lineIsEmpty = true
            } else if byte != 0x0d {
                lineIsEmpty = false
            }
        }
        return nil
    }
}

/// What an HTTP/1 request's head says about its framing.
struct H1Request {
    var head = RequestHead()
    var keepsAlive = false
    var isChunked = false
    var expectsContinue = false

    /// Parses a whole head; what is wrong with it becomes its refusal.
    init(
        _ block: UnsafeRawBufferPointer, limits: HTTPLimits, scratch: H1HeadScratch,
        paths: PathCache
    ) {
        let verdict = canopy_h1_parse(
            1, block.baseAddress?.assumingMemoryBound(to: CChar.self), block.count, scratch.head)
        guard verdict == CANOPY_H1_OK else {
            let meaning = String(cString: canopy_h1_meaning(verdict))
            let isCoding = verdict == CANOPY_H1_CODING
            head.refuse(
                isCoding ? 501 : 400, isCoding ? .unsupported : .invalid,
                "the request has \(meaning)", "send what RFC 9112 allows")
            return
        }
        let parsed = scratch.head
        let name = parsed.pointee.method_name!
        var length = 0
        while name[length] != 0 { length += 1 }
        head.method = ServerCall.Method(UnsafeRawBufferPointer(start: name, count: length))
        let target = Int(parsed.pointee.target)
        head.setTarget(
            UnsafeRawBufferPointer(
                rebasing: block[target..<target + Int(parsed.pointee.target_length)]),
            most: limits.target, cache: paths)
        addHeaders(parsed, block, most: limits.headers)
        keepsAlive = parsed.pointee.keep_alive != 0
        isChunked = parsed.pointee.chunked != 0
        expectsContinue = parsed.pointee.expects_continue != 0
        let stated = Int(parsed.pointee.content_length)
        head.contentLength = isChunked ? nil : max(stated, 0)
        if head.isGRPC {
            head.isGRPC = false
            head.refuse(
                415, .unsupported, "gRPC came over HTTP/1.1, expected HTTP/2",
                "use an HTTP/2 client")
        }
        head.complete()
    }

    private mutating func addHeaders(
        _ parsed: UnsafePointer<canopy_h1_head>, _ block: UnsafeRawBufferPointer, most: Int
    ) {
        forEachHeader(parsed, block) { name, value in head.add(name, value, most: most) }
    }
}

/// What an HTTP/1 answer's head says.
struct H1Answer {
    var status = 0
    var headers: [(name: String, value: String)] = []
    var isChunked = false
    var length: Int?
    /// Whether the connection stays open behind it, as version and `connection` say.
    var keepsAlive = false

    /// Parses a whole head; `nil` when it is none.
    init?(_ block: UnsafeRawBufferPointer, scratch: H1HeadScratch) {
        let parsed = scratch.head
        let verdict = canopy_h1_parse(
            0, block.baseAddress?.assumingMemoryBound(to: CChar.self), block.count, parsed)
        guard verdict == CANOPY_H1_OK else { return nil }
        status = Int(parsed.pointee.status)
        isChunked = parsed.pointee.chunked != 0
        keepsAlive = parsed.pointee.keep_alive != 0
        let stated = Int(parsed.pointee.content_length)
        if stated >= 0 { length = stated }
        forEachHeader(parsed, block) { name, value in
            headers.append(
                (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
        }
    }
}

/// A header's value without what would end its line: a value that came from elsewhere must not add
/// headers.
func oneLine(_ value: String) -> String {
    guard value.utf8.contains(where: { $0 == 0x0d || $0 == 0x0a || $0 == 0 }) else { return value }
    return String(decoding: value.utf8.map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
}

/// Gives each header with its name in small letters, as handlers ask for them and as HTTP/2 sends
/// them.
private func forEachHeader(
    _ parsed: UnsafePointer<canopy_h1_head>, _ block: UnsafeRawBufferPointer,
    _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
) {
    let offset = MemoryLayout<canopy_h1_head>.offset(of: \.headers)!
    let headers = UnsafeRawPointer(parsed).advanced(by: offset)
        .assumingMemoryBound(to: canopy_h1_header.self)
    var name: [UInt8] = []
    for index in 0..<Int(parsed.pointee.header_count) {
        let header = headers[index]
        let nameStart = Int(header.name)
        let valueStart = Int(header.value)
        name.removeAll(keepingCapacity: true)
        for byte in block[nameStart..<nameStart + Int(header.name_length)] {
            name.append((0x41...0x5a).contains(byte) ? byte | 0x20 : byte)
        }
        let value = UnsafeRawBufferPointer(
            rebasing: block[valueStart..<valueStart + Int(header.value_length)])
        name.withUnsafeBytes { body($0, value) }
    }
}
