import Ground

/// The file of the cursors: two slots that are written in turn, so that one is whole whatever
/// happens to the other. Both have their room from the start; a full disk does not stop them.
final class StateFile {
    private let file: any SegmentFile
    private let slot: Slab
    /// The generation of the newest whole slot.
    private(set) var generation: UInt64 = 0

    /// Opens the file, or makes it; its name is durable after the folder's sync.
    init(_ path: String, _ disk: any SegmentDisk) throws(Fault) {
        slot = Slab(capacity: StateRecord.size)
        file = try Self.openOrMake(path, disk)
        try file.lock()
        let size = file.size
        guard size < 2 * StateRecord.size else { return }
        try file.preallocate(2 * StateRecord.size)
        // Written, not only set aside: from now on nothing needs room.
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        let empty = UnsafeRawBufferPointer(bytes)
        for at in stride(from: size, to: 2 * StateRecord.size, by: StateRecord.size) {
            let count = min(StateRecord.size, 2 * StateRecord.size - at)
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
        for index in 0..<2 {
            // A slot that cannot be read is damaged like one that is wrong.
            let count = (try? file.read(into: bytes, at: index * StateRecord.size)) ?? 0
            switch StateRecord.read(UnsafeRawBufferPointer(rebasing: bytes[..<count])) {
            case .damaged: continue
            case .later(let version): throw Self.later(version, than: StateRecord.version)
            case .state(let state):
                if state.generation >= newest?.generation ?? 0 { newest = state }
            }
        }
        generation = newest?.generation ?? 0
        return newest
    }

    /// Writes `state` as the next generation; durable on return. After a fault the state before is
    /// still whole.
    func write(_ state: StateRecord) throws(Fault) {
        var next = state
        next.generation = generation + 1
        next.write(into: bytes)
        let place = Int(next.generation & 1) * StateRecord.size
        try file.write([UnsafeRawBufferPointer(bytes)], at: place)
        try file.sync()
        generation += 1
    }

    /// Whether the disk still gives what it has.
    var isReadable: Bool {
        (try? file.read(into: bytes, at: 0)) != nil
            || (try? file.read(into: bytes, at: StateRecord.size)) != nil
    }

    static func later(_ version: UInt16, than known: UInt16) -> Fault {
        Fault(
            .unsupported,
            "the spool was written in version \(version) of its layout, this program knows "
                + "\(known)",
            remedy: "run the program that wrote it until it is drained, or name another folder")
    }
}
