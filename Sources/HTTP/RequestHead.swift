internal import Ground

/// What is known of a request when its headers are whole.
struct RequestHead {
    var method = ServerCall.Method.other
    var path = ""
    var query: String?
    var authority: String?
    var isGRPC = false
    var timeout: Interval?
    var coding = Inflater.Coding.identity
    /// Stated length of the body, bytes, or `nil`.
    var contentLength: Int?
    var headers = HeaderBlock()
    /// Why the request is refused before any handler hears of it, with the HTTP status when the
    /// mapping has none.
    var refusal: Fault?
    var refusalStatus: Int?

    /// As it was made, with the headers' memory.
    mutating func reset() {
        (method, isGRPC, timeout, coding) = (.other, false, nil, .identity)
        (path, query, authority, contentLength) = ("", nil, nil, nil)
        if refusal != nil { (refusal, refusalStatus) = (nil, nil) }
        headers.removeAll()
    }

    /// Takes a regular header in, recognises what the room itself needs, and keeps the bytes for
    /// handlers.
    ///
    /// - Parameter most: bytes of all headers at most.
    mutating func add(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, most: Int
    ) {
        guard headers.size + name.count + value.count <= most else {
            refuse(
                431, .exhausted, "the headers have more than \(most) bytes",
                "send fewer or shorter headers")
            return
        }
        headers.append(name, value)
        switch name.count {
        case 12:
            if name.says("content-type") { isGRPC = Self.isGRPC(value) }
            if name.says("grpc-timeout") { readTimeout(value) }
        case 13 where name.says("grpc-encoding"): coding = Self.coding(value)
        case 14 where name.says("content-length"): readLength(value)
        case 16 where name.says("content-encoding"): coding = Self.coding(value)
        default: break
        }
    }

    /// Splits the target into path and query.
    ///
    /// - Parameter most: bytes of a target at most.
    mutating func setTarget(_ target: UnsafeRawBufferPointer, most: Int, cache: PathCache) {
        guard target.count <= most else {
            refuse(
                414, .invalid,
                "the target has \(target.count) bytes, at most \(most) are taken", nil)
            return
        }
        if let mark = target.first(UInt8(ascii: "?")) {
            path = cache.string(UnsafeRawBufferPointer(rebasing: target[..<mark]))
            query = String(decoding: target[(mark + 1)...], as: UTF8.self)
        } else {
            path = cache.string(target)
        }
    }

    mutating func refuse(_ status: Int, _ code: Fault.Code, _ message: String, _ remedy: String?) {
        if refusal != nil { return }
        refusal = Fault(code, message, source: .client, remedy: remedy)
        refusalStatus = status
    }

    /// What can be judged only when all headers are there.
    mutating func complete() {
        if isGRPC && method != .post {
            refuse(405, .invalid, "a gRPC call came as \(method), expected POST", nil)
        }
        if !isGRPC && coding == .unknown {
            refuse(
                415, .unsupported, "the body's Content-Encoding is not known",
                "use gzip, deflate or none")
        }
        if let length = contentLength, length < 0 {
            refuse(400, .invalid, "the Content-Length is not a number", nil)
        }
    }

    private mutating func readTimeout(_ value: UnsafeRawBufferPointer) {
        guard let parsed = GRPCTimeout.parse(value) else {
            return refuse(
                400, .invalid,
                "grpc-timeout is '\(String(decoding: value.prefix(32), as: UTF8.self))'",
                "send at most eight digits and one of H M S m u n")
        }
        timeout = parsed
    }

    private mutating func readLength(_ value: UnsafeRawBufferPointer) {
        var length = 0
        // 18 digits always fit an Int.
        let isNumber = !value.isEmpty && value.count <= 18
        for byte in value.prefix(18) where isNumber {
            guard byte >= 0x30, byte <= 0x39 else {
                contentLength = -1
                return
            }
            length = length * 10 + Int(byte - 0x30)
        }
        contentLength = isNumber ? length : -1
    }

    private static func isGRPC(_ value: UnsafeRawBufferPointer) -> Bool {
        let wanted = 16  // application/grpc
        guard value.count >= wanted,
            UnsafeRawBufferPointer(rebasing: value[..<wanted]).says("application/grpc")
        else { return false }
        if value.count == wanted { return true }
        let next = value[wanted]
        return next == UInt8(ascii: "+") || next == UInt8(ascii: ";")
    }

    private static func coding(_ value: UnsafeRawBufferPointer) -> Inflater.Coding {
        if value.says("identity") || value.isEmpty { return .identity }
        if value.says("gzip") { return .gzip }
        if value.says("deflate") { return .deflate }
        return .unknown
    }
}

extension UnsafeRawBufferPointer {
    /// Place of the first such byte.
    func first(_ wanted: UInt8) -> Int? {
        for index in 0..<count where self[index] == wanted { return index }
        return nil
    }

    /// Whether these are the bytes of `other`, compared eight at a time.
    func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index + 8 <= count {
            let mine = loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard mine == other.loadUnaligned(fromByteOffset: index, as: UInt64.self) else {
                return false
            }
            index += 8
        }
        while index < count {
            guard self[index] == other[index] else { return false }
            index += 1
        }
        return true
    }

    /// Whether these are exactly the bytes of `text`.
    @inline(__always)
    func says(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        let other = text.utf8Start
        for index in 0..<count where self[index] != other[index] { return false }
        return true
    }
}

/// Strings of the paths that come again and again, so that a call's path costs a comparison instead
/// of an allocation.
final class PathCache {
    /// The inference service has about ten paths in steady use.
    private static let slots = 16
    /// A longer path is no path of a service.
    private static let longest = 96
    @exclusivity(unchecked) private var paths: [(bytes: [UInt8], text: String)]

    init() { paths = Array(repeating: ([], ""), count: Self.slots) }

    func string(_ bytes: UnsafeRawBufferPointer) -> String {
        guard let last = bytes.last, bytes.count <= Self.longest else {
            return String(decoding: bytes, as: UTF8.self)
        }
        let slot = (bytes.count &* 7 &+ Int(last)) & (Self.slots - 1)
        let isSame = paths[slot].bytes.withUnsafeBytes { $0.equals(bytes) }
        if isSame { return paths[slot].text }
        let text = String(decoding: bytes, as: UTF8.self)
        paths[slot] = (Array(bytes), text)
        return text
    }
}
