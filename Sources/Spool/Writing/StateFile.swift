import Ground

/// The file of the cursors: three slots, of which each write renews two, the oldest first.
///
/// What is known of a gap stands nowhere else. So there are two whole copies of the present state
/// while one slot is being written: damage to one copy and a torn write of another lose nothing,
/// even at once. All have their room from the start; a full disk does not stop them.
final class StateFile {
    private let file: any SegmentFile
    private let slot: Slab
    /// The generation of the newest whole slot.
    private(set) var generation: UInt64 = 0
    /// The slot that is written next: never one of two that alone hold the present state.
    private var oldest = 0

    private static let slots = 3
    /// Bytes of the file.
    static let size = slots * StateRecord.size

    /// Opens the file, or makes it; its name is durable after the folder's sync.
    init(_ path: String, _ disk: any SegmentDisk) throws(Fault) {
        slot = Slab(capacity: StateRecord.size)
        file = try Self.openOrMake(path, disk)
        try file.lock()
        let size = file.size
        guard size < Self.size else { return }
        try file.preallocate(Self.size)
        // Written, not only set aside: from now on nothing needs room.
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        let empty = UnsafeRawBufferPointer(bytes)
        for at in stride(from: size, to: Self.size, by: StateRecord.size) {
            let count = min(StateRecord.size, Self.size - at)
            try file.write([empty.part(0, count)], at: at)
        }
    }

    private static func openOrMake(
        _ path: String, _ disk: any SegmentDisk
    ) throws(Fault) -> any SegmentFile {
        do throws(Fault) {
            return try disk.open(path)
        } catch {
            guard error.code == .notFound else { throw error }
            return try disk.make(path)
        }
    }

    private var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: slot.base, count: StateRecord.size)
    }

    /// The newest whole state, or `nil` when there is none.
    ///
    /// - Throws: `unsupported` when a later version of the program wrote it.
    func read() throws(Fault) -> StateRecord? {
        var newest: StateRecord?
        var generations = [UInt64](repeating: 0, count: Self.slots)
        for index in 0..<Self.slots {
            // A slot that cannot be read is damaged like one that is wrong.
            let count = (try? file.read(into: bytes, at: index * StateRecord.size)) ?? 0
            switch StateRecord.read(UnsafeRawBufferPointer(rebasing: bytes[..<count])) {
            case .damaged: continue
            case .later(let version): throw Self.later(version, than: StateRecord.version)
            case .state(let state):
                generations[index] = state.generation
                if state.generation >= newest?.generation ?? 0 { newest = state }
            }
        }
        oldest = generations.indices.min { generations[$0] < generations[$1] } ?? 0
        generation = newest?.generation ?? 0
        return newest
    }

    /// Writes `state` as the next generation; durable on return. After a fault the state before is
    /// still whole.
    func write(_ state: StateRecord) throws(Fault) {
        var next = state
        next.generation = generation + 1
        next.write(into: bytes)
        try put(at: oldest)
        try put(at: (oldest + 1) % Self.slots)
        oldest = (oldest + 2) % Self.slots
        generation += 1
    }

    private func put(at place: Int) throws(Fault) {
        try file.write([UnsafeRawBufferPointer(bytes)], at: place * StateRecord.size)
        try file.sync()
    }

    /// Whether the disk still gives what it has.
    var isReadable: Bool {
        (0..<Self.slots).contains { slot in
            (try? file.read(into: bytes, at: slot * StateRecord.size)) != nil
        }
    }

    static func later(_ version: UInt16, than known: UInt16) -> Fault {
        Fault(
            .unsupported,
            "the spool was written in version \(version) of its layout, this program knows "
                + "\(known)",
            remedy: "run the program that wrote it until it is drained, or name another folder")
    }
}
