internal import CProtobufC
internal import CWire
internal import Ground

/// Memory for one message while protobuf-c unpacks or packs it; gone when the closure returns.
struct Arena {
    let memory: OpaquePointer

    /// Uninitialised room for `count` values.
    ///
    /// Only for packing, where the limit is the heap itself.
    func room<T>(_ count: Int, of type: T.Type = T.self) -> UnsafeMutablePointer<T> {
        guard
            let raw = canopy_arena_allocate(memory, max(count, 1) * MemoryLayout<T>.stride)
        else { fatalError("no memory left to encode a message") }
        return raw.bindMemory(to: type, capacity: max(count, 1))
    }

    /// One C message, set to its defaults.
    func make<C>(_ initialize: (UnsafeMutablePointer<C>?) -> Void) -> UnsafeMutablePointer<C> {
        let message = room(1, of: C.self)
        initialize(message)
        return message
    }

    /// A copy of `text` that the C message may point to.
    func text(_ text: String) -> ProtobufCBinaryData {
        var text = text
        return text.withUTF8 { data(UnsafeRawBufferPointer($0)) }
    }

    /// A copy of `bytes` that the C message may point to.
    func data(_ bytes: UnsafeRawBufferPointer) -> ProtobufCBinaryData {
        guard let from = bytes.baseAddress, bytes.count > 0 else { return ProtobufCBinaryData() }
        let copy = room(bytes.count, of: UInt8.self)
        UnsafeMutableRawPointer(copy).copyMemory(from: from, byteCount: bytes.count)
        return ProtobufCBinaryData(len: bytes.count, data: copy)
    }

    /// A C array of what `make` makes of each of `items`.
    func array<S, C>(
        _ items: [S], _ make: (S) -> C
    ) -> UnsafeMutablePointer<C>? {
        guard !items.isEmpty else { return nil }
        let array = room(items.count, of: C.self)
        for index in items.indices {
            (array + index).initialize(to: make(items[index]))
        }
        return array
    }
}

/// Runs `body` with an arena of at most `limit` bytes.
func withArena<R, E: Error>(
    limit: Int = .max, _ body: (Arena) throws(E) -> R
) throws(E) -> R {
    guard let memory = canopy_arena_take(limit) else {
        fatalError("no memory left to decode or encode a message")
    }
    defer { canopy_arena_release(memory) }
    return try body(Arena(memory: memory))
}

/// Unpacks `bytes` with protobuf-c and gives the C message to `body`, for the time of the call.
///
/// `what` names the message in faults.
func unpacking<C, R>(
    _ bytes: Bytes, _ what: StaticString, from source: Fault.Source,
    with unpack:
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?)
        -> UnsafeMutablePointer<C>?,
    _ body: (C) throws(Fault) -> R
) throws(Fault) -> R {
    let limit = min(
        WireLimits.unpackingBase + WireLimits.unpackingGrowth * bytes.count,
        WireLimits.unpackingCeiling)
    return try withArena(limit: limit) { (arena) throws(Fault) in
        try bytes.withUnsafeBytes { (raw) throws(Fault) in
            let message = unpack(
                canopy_arena_allocator(arena.memory), raw.count,
                raw.assumingMemoryBound(to: UInt8.self).baseAddress)
            if let message { return try body(message.pointee) }
            if canopy_arena_refused(arena.memory) {
                throw Fault(
                    .exhausted,
                    "a \(what) of \(bytes.count) bytes unpacks to more than \(limit) bytes",
                    source: source, remedy: "send tensors as raw contents")
            }
            throw refusal(source, "\(bytes.count) bytes are no \(what)")
        }
    }
}

/// Packs a C message into a slab of its own.
func packing<C>(_ fill: (Arena) -> UnsafeMutablePointer<C>) -> [Bytes] {
    withArena { arena in
        let message = UnsafeRawPointer(fill(arena)).assumingMemoryBound(to: ProtobufCMessage.self)
        let slab = Slab(capacity: protobuf_c_message_get_packed_size(message))
        let count = protobuf_c_message_pack(
            message, slab.base.assumingMemoryBound(to: UInt8.self))
        return [Bytes(slab: slab, start: 0, count: count)]
    }
}
