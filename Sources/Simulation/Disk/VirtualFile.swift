import Ground

/// A file's bytes: as a process sees them, and as a power cut leaves them.
final class Inode {
    static let page = 4096

    var bytes: [UInt8] = []
    var durable: [UInt8] = []
    /// Pages that were written since the last sync, in no order.
    var dirty: Set<Int> = []
    var isSizeDirty = false
    /// Pages that the disk does not give back until they are written again.
    var unreadable: Set<Int> = []
}

/// An open file of a virtual disk.
final class VirtualFile: SegmentFile {
    private let inode: Inode
    private let disk: VirtualDisk
    private let life: Int

    init(_ inode: Inode, _ disk: VirtualDisk) {
        self.inode = inode
        self.disk = disk
        life = disk.life
    }

    private func requireUp() throws(Fault) {
        try disk.requireUp()
        guard life == disk.life else { throw Fault(.inner, "a file of a former life is used") }
    }

    var size: Int { inode.bytes.count }

    func lock() throws(Fault) { try requireUp() }

    func preallocate(_ bytes: Int) throws(Fault) {
        try requireUp()
        let isLast = disk.isLastCall()
        try disk.requireRoom(bytes - size)
        if bytes > size, !isLast || disk.draws.draw(below: 2) == 0 { resize(bytes) }
        if isLast { throw VirtualDisk.down }
    }

    func truncate(_ bytes: Int) throws(Fault) {
        try requireUp()
        let isLast = disk.isLastCall()
        if !isLast || disk.draws.draw(below: 2) == 0 { resize(bytes) }
        if isLast { throw VirtualDisk.down }
    }

    private func resize(_ bytes: Int) {
        if bytes < size {
            inode.bytes.removeLast(size - bytes)
        } else {
            inode.bytes += [UInt8](repeating: 0, count: bytes - size)
        }
        inode.isSizeDirty = true
    }

    func write(_ pieces: [UnsafeRawBufferPointer], at offset: Int) throws(Fault) {
        try requireUp()
        let isLast = disk.isLastCall()
        let fails = !isLast && disk.chance(disk.troubles.failedWrites)
        let count = pieces.reduce(0) { $0 + $1.count }
        try disk.requireRoom(offset + count - size)
        // What is cut short has written some of it. A power cut loses any pages of it anyway.
        let isWhole = !fails && !(isLast && disk.ending == .killed)
        put(pieces, at: offset, isWhole ? count : disk.draws.draw(below: count + 1))
        if isLast { throw VirtualDisk.down }
        if fails { throw Fault(.unavailable, "a write failed") }
    }

    private func put(_ pieces: [UnsafeRawBufferPointer], at offset: Int, _ count: Int) {
        guard count > 0 else { return }
        if offset + count > size { resize(offset + count) }
        var at = offset
        for piece in pieces {
            let taken = min(piece.count, offset + count - at)
            guard taken > 0 else { break }
            inode.bytes.withUnsafeMutableBytes { raw in
                UnsafeMutableRawBufferPointer(rebasing: raw[at..<at + taken])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: piece[..<taken]))
            }
            at += taken
        }
        for page in offset / Inode.page...(offset + count - 1) / Inode.page {
            inode.dirty.insert(page)
            inode.unreadable.remove(page)
        }
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(Fault) -> Int {
        try requireUp()
        let count = min(buffer.count, max(0, size - offset))
        guard count > 0 else { return 0 }
        if !inode.unreadable.isEmpty {
            for page in offset / Inode.page...(offset + count - 1) / Inode.page
            where inode.unreadable.contains(page) {
                throw Fault(.unavailable, "a page cannot be read")
            }
        }
        inode.bytes.withUnsafeBytes { raw in
            UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: raw[offset..<offset + count]))
        }
        return count
    }

    func sync() throws(Fault) {
        try requireUp()
        if disk.isLastCall() { throw VirtualDisk.down }
        if disk.troubles.ignoresSync { return }
        if disk.chance(disk.troubles.failedSyncs) {
            // The kernel takes the pages for clean from now on.
            inode.dirty = []
            throw Fault(.unavailable, "a sync failed")
        }
        for page in inode.dirty { inode.save(page, sectors: 0xFF) }
        inode.dirty = []
        if inode.isSizeDirty { inode.saveSize() }
        inode.isSizeDirty = false
    }
}

extension Inode {
    private static let sector = 512

    /// Makes the sectors of a page that `sectors` has bits for durable.
    func save(_ page: Int, sectors: UInt8) {
        for index in 0..<8 where sectors >> index & 1 == 1 {
            let start = page * Self.page + index * Self.sector
            let end = min(start + Self.sector, bytes.count)
            guard start < end else { return }
            if durable.count < end { durable += [UInt8](repeating: 0, count: end - durable.count) }
            durable.replaceSubrange(start..<end, with: bytes[start..<end])
        }
    }

    /// Makes the size durable; bytes that were not stay zero.
    func saveSize() {
        if durable.count > bytes.count {
            durable.removeLast(durable.count - bytes.count)
        } else {
            durable += [UInt8](repeating: 0, count: bytes.count - durable.count)
        }
    }
}
