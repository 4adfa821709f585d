public import Ground

/// A disk in memory that keeps no more promises than a real one: what was not synced may be there
/// after a power cut, or not, or in part. All that is random comes from one seed.
public final class VirtualDisk: SegmentDisk {
    /// What goes wrong besides power cuts.
    public struct Troubles: Sendable {
        /// Bytes that files may take together.
        public var capacity = Int.max
        /// Of a thousand syncs of a file, how many fail. What was to be saved is then neither saved
        /// nor tried again, as Linux does it.
        public var failedSyncs = 0
        /// Of a thousand writes, how many fail halfway.
        public var failedWrites = 0
        /// Syncs of files say that they were done, and were not.
        public var ignoresSync = false
        /// The same of folders.
        public var ignoresFolderSync = false

        public init() {}
    }

    /// How a process ends.
    public enum Ending: Sendable { case killed, powerCut }

    public var troubles: Troubles
    /// Calls that change something, since the disk was made.
    public private(set) var calls = 0
    /// Whether the process or the machine went down, so that nothing works until `restart`.
    public internal(set) var isDown = false
    var draws: Randomness
    /// Counts restarts: a file that was opened before one is no more.
    var life = 0
    /// Names as a process sees them, and those that a power cut leaves.
    var names: [String: Inode] = [:]
    var durableNames: [String: Inode] = [:]
    /// What was done to names since the folder was synced, in order.
    var unsynced: [NameChange] = []
    /// All files that have had a name, in order.
    var inodes: [Inode] = []
    private var end: (calls: Int, how: Ending)?

    /// A change of names that a power cut may undo.
    struct NameChange {
        var removed: String?
        var added: (name: String, inode: Inode)?
    }

    public init(seed: UInt64, troubles: Troubles = Troubles()) {
        draws = Randomness(seed: Randomness.seed(seed, 47, 0))
        self.troubles = troubles
    }

    /// Ends the process after so many more calls that change something, in the middle of the last.
    public func end(after calls: Int, _ how: Ending) { end = (self.calls + calls, how) }

    /// What it was that ended, or is to end, the process.
    var ending: Ending? { end?.how }

    func forgetEnding() { end = nil }

    /// Counts a call; `true` when it is the last.
    func isLastCall() -> Bool {
        calls += 1
        guard let end, calls > end.calls else { return false }
        isDown = true
        return true
    }

    static let down = Fault(.cancelled, "the machine is down")

    func requireUp() throws(Fault) { if isDown { throw Self.down } }

    /// Whether something of a probability of `per thousand` comes to pass.
    func chance(_ perThousand: Int) -> Bool {
        perThousand > 0 && draws.draw(below: 1000) < perThousand
    }

    // MARK: SegmentDisk

    public func open(_ path: String) throws(Fault) -> any SegmentFile {
        try requireUp()
        guard let inode = names[path] else { throw Fault(.notFound, "there is no \(path)") }
        return VirtualFile(inode, self)
    }

    public func make(_ path: String) throws(Fault) -> any SegmentFile {
        try requireUp()
        let isLast = isLastCall()
        guard names[path] == nil else { throw Fault(.precondition, "\(path) is there") }
        let inode = Inode()
        if !isLast || draws.draw(below: 2) == 0 {
            inodes.append(inode)
            change(NameChange(added: (path, inode)))
        }
        if isLast { throw Self.down }
        return VirtualFile(inode, self)
    }

    public func makeFolder(_ path: String) throws(Fault) { try requireUp() }

    public func list(_ folder: String) throws(Fault) -> [String] {
        try requireUp()
        let prefix = folder + "/"
        return names.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    public func rename(_ path: String, to target: String) throws(Fault) {
        try requireUp()
        guard let inode = names[path] else { throw Fault(.notFound, "there is no \(path)") }
        try change(NameChange(removed: path, added: (target, inode)), orEndAt: isLastCall())
    }

    public func unlink(_ path: String) throws(Fault) {
        try requireUp()
        guard names[path] != nil else { return }
        try change(NameChange(removed: path), orEndAt: isLastCall())
    }

    public func syncFolder(_ folder: String) throws(Fault) {
        try requireUp()
        if isLastCall() { throw Self.down }
        if troubles.ignoresFolderSync { return }
        durableNames = names
        unsynced = []
    }

    public func freeRoom(_ folder: String) throws(Fault) -> Int {
        try requireUp()
        return max(0, troubles.capacity - used)
    }

    // MARK: Names and room

    private func change(_ change: NameChange, orEndAt isLast: Bool) throws(Fault) {
        if !isLast || draws.draw(below: 2) == 0 { self.change(change) }
        if isLast { throw Self.down }
    }

    private func change(_ change: NameChange) {
        Self.apply(change, to: &names)
        unsynced.append(change)
    }

    static func apply(_ change: NameChange, to names: inout [String: Inode]) {
        if let removed = change.removed { names[removed] = nil }
        if let (name, inode) = change.added { names[name] = inode }
    }

    /// Bytes that all files have.
    var used: Int { names.values.reduce(0) { $0 + $1.bytes.count } }

    func requireRoom(_ more: Int) throws(Fault) {
        guard more <= 0 || used + more <= troubles.capacity else {
            throw Fault(.exhausted, "no room for \(more) bytes", remedy: "make room on this disk")
        }
    }
}
