internal import CIsolation
internal import Glibc
internal import Ground

/// A region that several processes map. It never changes its size, so that nobody can pull it from
/// under another's feet.
final class SharedMemory: @unchecked Sendable {
    let descriptor: Int32
    let base: UnsafeMutableRawPointer
    let size: Int

    /// Makes one of zeros; pages come with their first use.
    init(_ name: String, size: Int) throws(Fault) {
        descriptor = try Self.valid(canopy_shared_open(name, UInt64(size)), "making")
        self.size = size
        guard let base = canopy_shared_map(descriptor, UInt64(size), 1) else {
            Glibc.close(descriptor)
            throw Self.fault(errno, "mapping \(size) bytes of")
        }
        self.base = base
    }

    /// Maps one that another process made, and takes the descriptor over.
    init(adopting descriptor: Int32, isWritable: Bool) throws(Fault) {
        self.descriptor = descriptor
        size = Int(try Self.valid(canopy_shared_size(descriptor), "looking at"))
        guard size > 0, let base = canopy_shared_map(descriptor, UInt64(size), isWritable ? 1 : 0)
        else { throw Self.fault(errno, "mapping \(size) bytes of") }
        self.base = base
    }

    deinit {
        canopy_shared_unmap(base, UInt64(size))
        Glibc.close(descriptor)
    }

    /// Closes a descriptor that `reader` gave.
    static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    /// A descriptor for a process that may only read. The caller closes it.
    func reader() throws(Fault) -> Int32 {
        try Self.valid(canopy_shared_reader(descriptor), "opening")
    }

    /// Gives pages back to the system.
    func punch(_ range: Range<Int>) {
        canopy_shared_punch(descriptor, UInt64(range.lowerBound), UInt64(range.count))
    }

    /// The word at an offset, a multiple of eight inside the region. Behind it stands how many
    /// wait on it.
    func word(at offset: Int) -> SharedWord { SharedWord(memory: self, offset: offset) }

    private static func valid<N: SignedInteger>(
        _ result: N, _ action: String
    ) throws(Fault) -> N {
        if result < 0 { throw fault(Int32(-result), action) }
        return result
    }

    private static func fault(_ code: Int32, _ action: String) -> Fault {
        Fault(
            .unavailable,
            "\(action) shared memory failed: \(String(cString: strerror(code)))",
            remedy: "check the limits on memory and descriptors (`ulimit -a`)")
    }
}

/// A word that two processes read, write and wait on; what the other one writes may be anything.
struct SharedWord: @unchecked Sendable {
    private let memory: SharedMemory
    private let address: UnsafeMutableRawPointer

    fileprivate init(memory: SharedMemory, offset: Int) {
        precondition(offset >= 0 && offset % 8 == 0 && offset <= memory.size - 8)
        self.memory = memory
        address = memory.base + offset
    }

    var value: UInt32 { canopy_word_load(address) }

    /// Writes it and wakes who waits on it.
    func set(_ value: UInt32) { canopy_word_set(address, value) }

    /// Adds to it, modulo 2³², and wakes nobody.
    func add(_ value: UInt32) { canopy_word_add(address, value) }

    func wake() { canopy_word_wake(address) }

    /// Waits while it is `expected`, at most so long; may return early.
    func wait(while expected: UInt32, atMost limit: Interval) {
        canopy_word_wait(address, expected, UInt64(max(0, limit.nanoseconds)))
    }
}
