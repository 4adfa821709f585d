import Ground

extension VirtualDisk {
    /// Starts the process again, and the machine when its power was cut: of what was not synced,
    /// each name and page is there or not, or a page is half there, as the seed has it.
    public func restart(_ how: Ending) {
        if how == .powerCut { cutPower() }
        life += 1
        isDown = false
        forgetEnding()
    }

    private func cutPower() {
        // File systems keep the order of changes to names or do not; the latter is harder.
        let keepsOrder = draws.draw(below: 2) == 0
        let kept = draws.draw(below: unsynced.count + 1)
        for (index, change) in unsynced.enumerated() {
            let isKept = keepsOrder ? index < kept : draws.draw(below: 2) == 0
            if isKept { Self.apply(change, to: &durableNames) }
        }
        unsynced = []
        names = durableNames
        for inode in inodes {
            if inode.isSizeDirty, draws.draw(below: 2) == 0 { inode.saveSize() }
            for page in inode.dirty.sorted() {
                switch draws.draw(below: 4) {
                case 0: inode.save(page, sectors: 0xFF)
                case 1: inode.save(page, sectors: UInt8(truncatingIfNeeded: draws.next()))
                default: break
                }
            }
            inode.dirty = []
            inode.isSizeDirty = false
            inode.bytes = inode.durable
        }
        let left = Set(names.values.map(ObjectIdentifier.init))
        inodes.removeAll { !left.contains(ObjectIdentifier($0)) }
    }

    /// The names that there are, sorted, with their files.
    private var files: [(name: String, inode: Inode)] {
        names.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { (name: $0.key, inode: $0.value) }
    }

    /// Turns one bit of what lies on the disk; the file and place, or `nil` when all is empty.
    @discardableResult
    public func flip() -> (path: String, offset: Int)? {
        guard let (name, inode, at) = somewhere() else { return nil }
        let bit = UInt8(1) << draws.draw(below: 8)
        inode.bytes[at] ^= bit
        if at < inode.durable.count { inode.durable[at] ^= bit }
        return (name, at)
    }

    /// Makes one page unreadable until it is written again; the file and place.
    @discardableResult
    public func lose() -> (path: String, offset: Int)? {
        guard let (name, inode, at) = somewhere() else { return nil }
        inode.unreadable.insert(at / Inode.page)
        return (name, at)
    }

    /// Some byte of some file, all bytes that are not zero alike.
    private func somewhere() -> (String, Inode, Int)? {
        let files = files.filter { !$0.inode.bytes.isEmpty }
        guard !files.isEmpty else { return nil }
        var place = draws.draw(below: files.reduce(0) { $0 + $1.inode.bytes.count })
        for (name, inode) in files {
            if place < inode.bytes.count {
                // Most of what is set aside is empty: the next byte that says something.
                let at = inode.bytes[place...].firstIndex { $0 != 0 } ?? place
                return (name, inode, at)
            }
            place -= inode.bytes.count
        }
        return nil
    }

    /// Changes a file's bytes as they lie on the disk.
    public func damage(_ path: String, _ change: (inout [UInt8]) -> Void) {
        guard let inode = names[path] else { return }
        change(&inode.bytes)
        inode.durable = inode.bytes
    }

    /// A file's bytes as a process sees them.
    public func contents(_ path: String) -> [UInt8]? { names[path]?.bytes }
}
