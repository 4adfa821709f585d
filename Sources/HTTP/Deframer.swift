internal import Ground

/// Cuts a gRPC byte stream into messages: one byte “compressed”, four bytes length, then the
/// message.
///
/// A message's whole length is reserved before its buffer exists, and its bytes are copied once.
struct Deframer {
    enum Event {
        /// A whole message.
        case message(Bytes, isCompressed: Bool)
        /// The chunk is used up.
        case needsMore
    }

    private var prefix: (UInt8, UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0, 0)
    private var prefixCount = 0
    private var slab: Slab?
    private var length = 0
    private var filled = 0

    /// A message has begun and is not whole.
    var isMidway: Bool { prefixCount > 0 }
    /// Bytes of the current message that have come.
    var received: Int { prefixCount + filled }

    /// Takes bytes from the front of `chunk` until a message is whole or the chunk is used up.
    ///
    /// - Throws: `exhausted` when the message is larger than `limit` or the budget has no room;
    ///   `invalid` when the flag is neither 0 nor 1. The call is over then.
    mutating func next(
        _ chunk: inout UnsafeRawBufferPointer, limit: Int, allocator: any SlabAllocator,
        retryHint: Interval
    ) throws(Fault) -> Event {
        if slab == nil {
            takePrefix(&chunk)
            if prefixCount < 5 { return .needsMore }
            try openMessage(limit: limit, allocator: allocator, retryHint: retryHint)
        }
        guard let slab else { return finish(Bytes.none) }
        let step = min(chunk.count, length - filled)
        if step > 0, let from = chunk.baseAddress {
            (slab.base + filled).copyMemory(from: from, byteCount: step)
            filled += step
            chunk = UnsafeRawBufferPointer(rebasing: chunk[step...])
        }
        if filled < length { return .needsMore }
        return finish(Bytes(slab: slab, start: 0, count: length))
    }

    private mutating func takePrefix(_ chunk: inout UnsafeRawBufferPointer) {
        let step = min(5 - prefixCount, chunk.count)
        if step == 0 { return }
        withUnsafeMutableBytes(of: &prefix) { into in
            for index in 0..<step { into[prefixCount + index] = chunk[index] }
        }
        prefixCount += step
        chunk = UnsafeRawBufferPointer(rebasing: chunk[step...])
    }

    private mutating func openMessage(
        limit: Int, allocator: any SlabAllocator, retryHint: Interval
    ) throws(Fault) {
        guard prefix.0 <= 1 else {
            throw Fault(
                .invalid, "a gRPC message began with the flag \(prefix.0), expected 0 or 1",
                source: .client, remedy: "send length-prefixed gRPC messages")
        }
        length = Int(prefix.1) << 24 | Int(prefix.2) << 16 | Int(prefix.3) << 8 | Int(prefix.4)
        if length == 0 { return }
        slab = try reserve(
            length, limit: limit, allocator: allocator, retryHint: retryHint, what: "message")
    }

    private mutating func finish(_ bytes: Bytes) -> Event {
        let isCompressed = prefix.0 == 1
        prefixCount = 0
        filled = 0
        slab = nil
        return .message(bytes, isCompressed: isCompressed)
    }
}

/// A buffer of `length` bytes, all of it reserved, or the fault that tells the client why there is
/// none.
func reserve(
    _ length: Int, limit: Int, allocator: any SlabAllocator, retryHint: Interval, what: String
) throws(Fault) -> Slab {
    guard length <= limit else { throw tooLarge(length, limit: limit, what) }
    guard let slab = allocator.allocate(capacity: length) else {
        throw Fault(
            .exhausted, "no room for a \(what) of \(length) bytes now: the byte budget is used up",
            remedy: "try again later", retry: .after(retryHint))
    }
    return slab
}

func tooLarge(_ length: Int, limit: Int, _ what: String) -> Fault {
    Fault(
        .exhausted, "the \(what) has \(length) bytes, at most \(limit) are taken",
        source: .client, remedy: "send a smaller one, or raise the limit on this node")
}

extension Bytes {
    /// No bytes at all.
    static let none = Bytes(slab: Slab(capacity: 0), start: 0, count: 0)
}
