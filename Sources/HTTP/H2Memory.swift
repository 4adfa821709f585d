internal import CNghttp2

/// Memory for the HTTP/2 sessions of one loop: small blocks that were given back lie ready.
///
/// nghttp2 takes eight small blocks for every call and gives them back when the call ends. The
/// system's allocator keeps seven of a size at hand, and a batch of calls is larger than that.
final class H2Memory {
    /// Blocks are kept by their size, in steps of 16 bytes up to this one: a stream takes 224.
    private static let largest = 512
    /// Bytes that lie ready at most: blocks of some hundred calls.
    private static let mostKept = 256 << 10

    private struct State {
        /// The first free block of each size; a free block holds the next one's address.
        let free: UnsafeMutablePointer<UnsafeMutableRawPointer?>
        var kept = 0
    }

    private let state: UnsafeMutablePointer<State>
    private static let sizes = largest / 16 + 1
    /// Before each block stands the room in it; as long as a block's alignment.
    private static let header = 16

    init() {
        let free = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: Self.sizes)
        free.initialize(repeating: nil, count: Self.sizes)
        state = .allocate(capacity: 1)
        state.initialize(to: State(free: free))
    }

    deinit {
        for size in 0..<Self.sizes {
            while let block = state.pointee.free[size] {
                state.pointee.free[size] = block.load(as: UnsafeMutableRawPointer?.self)
                (block - Self.header).deallocate()
            }
        }
        state.pointee.free.deallocate()
        state.deallocate()
    }

    /// What nghttp2 calls; valid for as long as this object lives, which sessions must not outlive.
    var functions: nghttp2_mem {
        nghttp2_mem(
            mem_user_data: state,
            malloc: { H2Memory.take($0, $1!) },
            free: { H2Memory.give($0, $1!) },
            calloc: { count, size, user in
                let (bytes, overflows) = count.multipliedReportingOverflow(by: size)
                guard !overflows, let block = H2Memory.take(bytes, user!) else { return nil }
                block.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
                return block
            },
            realloc: { old, size, user in
                guard let old else { return H2Memory.take(size, user!) }
                let room = H2Memory.room(of: old)
                if size <= room { return old }
                guard let block = H2Memory.take(size, user!) else { return nil }
                block.copyMemory(from: old, byteCount: room)
                H2Memory.give(old, user!)
                return block
            })
    }

    private static func take(
        _ size: Int, _ user: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer? {
        let state = user.assumingMemoryBound(to: State.self)
        let room = (max(size, 1) + 15) & ~15
        if room <= largest, let block = state.pointee.free[room / 16] {
            state.pointee.free[room / 16] = block.load(as: UnsafeMutableRawPointer?.self)
            state.pointee.kept -= room
            return block
        }
        let base = UnsafeMutableRawPointer.allocate(byteCount: header + room, alignment: 16)
        base.storeBytes(of: room, as: Int.self)
        return base + header
    }

    private static func give(_ block: UnsafeMutableRawPointer?, _ user: UnsafeMutableRawPointer) {
        guard let block else { return }
        let state = user.assumingMemoryBound(to: State.self)
        let room = room(of: block)
        guard room <= largest, state.pointee.kept + room <= mostKept else {
            return (block - header).deallocate()
        }
        block.storeBytes(of: state.pointee.free[room / 16], as: UnsafeMutableRawPointer?.self)
        state.pointee.free[room / 16] = block
        state.pointee.kept += room
    }

    private static func room(of block: UnsafeMutableRawPointer) -> Int {
        (block - header).load(as: Int.self)
    }
}
