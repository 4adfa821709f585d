import Ground

@testable import Spool

/// A disk in memory that keeps what it is given, whole, for tests that break what they choose.
final class MemoryDisk: SegmentDisk {
    final class File: SegmentFile {
        unowned let disk: MemoryDisk
        let path: String
        var bytes: [UInt8] = []

        init(_ disk: MemoryDisk, _ path: String) {
            self.disk = disk
            self.path = path
        }

        var size: Int { bytes.count }
        func lock() throws(Fault) {
            guard !disk.isLocked else { throw Fault(.precondition, "another process uses \(path)") }
        }

        func preallocate(_ count: Int) throws(Fault) {
            try disk.requireRoom(count - size)
            if count > size { bytes += [UInt8](repeating: 0, count: count - size) }
        }

        func truncate(_ count: Int) throws(Fault) { bytes.removeLast(size - count) }

        func write(_ pieces: [UnsafeRawBufferPointer], at offset: Int) throws(Fault) {
            disk.log.append("write \(path)")
            if disk.refusals.contains("write") { throw Fault(.exhausted, "no room to write") }
            var at = offset
            for piece in pieces {
                bytes.replaceSubrange(at..<min(at + piece.count, size), with: piece)
                at += piece.count
            }
        }

        func read(
            into buffer: UnsafeMutableRawBufferPointer, at offset: Int
        ) throws(Fault) -> Int {
            let count = min(buffer.count, max(size - offset, 0))
            disk.bytesRead += count
            if count > 0 { buffer.copyBytes(from: bytes[offset..<offset + count]) }
            return count
        }

        func sync() throws(Fault) {
            disk.log.append("sync \(path)")
            if disk.refusals.contains("sync") { throw Fault(.unavailable, "a sync failed") }
        }
    }

    var files: [String: File] = [:]
    /// What was done, in order.
    var log: [String] = []
    /// Calls that fail.
    var refusals: Set<String> = []
    var capacity = Int.max
    var isLocked = false
    var bytesRead = 0

    /// Whole pages, as disks give.
    var used: Int { files.values.reduce(0) { $0 + ($1.size + 4095) / 4096 * 4096 } }

    func requireRoom(_ more: Int) throws(Fault) {
        guard more <= 0 || used + more <= capacity else { throw Fault(.exhausted, "no room") }
    }

    func open(_ path: String) throws(Fault) -> any SegmentFile {
        guard let file = files[path] else { throw Fault(.notFound, "there is no \(path)") }
        return file
    }

    func make(_ path: String) throws(Fault) -> any SegmentFile {
        guard files[path] == nil else { throw Fault(.precondition, "\(path) is there") }
        log.append("make \(path)")
        let file = File(self, path)
        files[path] = file
        return file
    }

    func makeFolder(_ path: String) throws(Fault) {}

    func list(_ folder: String) throws(Fault) -> [String] {
        files.keys.map { String($0.dropFirst(folder.count + 1)) }.sorted()
    }

    func rename(_ path: String, to target: String) throws(Fault) {
        log.append("rename \(path)")
        files[target] = files.removeValue(forKey: path)
    }

    func unlink(_ path: String) throws(Fault) {
        log.append("unlink \(path)")
        files[path] = nil
    }

    func syncFolder(_ folder: String) throws(Fault) {
        log.append("sync folder")
        if refusals.contains("folder") { throw Fault(.unavailable, "a folder's sync failed") }
    }

    func freeRoom(_ folder: String) throws(Fault) -> Int { max(capacity - used, 0) }

    /// The segments of a queue, in order.
    func segments(_ queue: SpoolQueue) -> [String] {
        files.keys.filter { SegmentName.parse(String($0.dropFirst(2)))?.queue == queue }.sorted()
    }

    /// A disk with copies of these files.
    func copy() -> MemoryDisk {
        let other = MemoryDisk()
        for (path, file) in files {
            let twin = File(other, path)
            twin.bytes = file.bytes
            other.files[path] = twin
        }
        return other
    }
}

/// Opens a spool in the folder `s` of `disk`.
func openSpool(
    _ disk: any SegmentDisk, quota: Int = 8 << 20,
    _ change: (inout SpoolSettings) -> Void = { _ in }
) throws -> Spool {
    var settings = SpoolSettings(quota: quota)
    change(&settings)
    var draws = Randomness(seed: 7)
    return try Spool(folder: "s", disk: disk, settings: settings, draw: { draws.next() })
}

extension Spool {
    /// Appends text.
    @discardableResult
    func append(_ queue: SpoolQueue, _ text: String) throws -> UInt64 {
        try append(queue, [Bytes(Array(text.utf8))])
    }

    /// All that stands in a queue, as words: a record's text, or `from…through reason`.
    func all(_ queue: SpoolQueue) throws -> [String] {
        var words: [String] = []
        var last: UInt64 = 0
        while true {
            let entries = try read(queue, after: last, records: 50, bytes: 1 << 20)
            if entries.isEmpty { return words }
            for entry in entries {
                switch entry {
                case .record(_, let bytes):
                    words.append(String(decoding: bytes.array, as: UTF8.self))
                case .gap(let gap): words.append("\(gap.from)…\(gap.through) \(gap.reason)")
                }
            }
            last = entries.last!.last
        }
    }

    func depth(_ queue: SpoolQueue) -> SpoolDepth { depths[Int(queue.rawValue)] }
}
