import ArgumentParser
import Glibc
import Ground
import Spool
import Storage

/// `spool-proof brim`: a spool on a small disk that is filled to its last byte.
struct Brim: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fill the disk of a spool, and see what becomes of it.")

    @OptionGroup var options: SpoolOptions

    @Option(help: "A file on the same disk that takes what is left of it.")
    var filler: String

    func run() throws {
        // Each part opens the spool anew: one process, or one part of it, has it at a time.
        try fillTheDisk()
        let taken = try fill()
        print("another file takes the last \(taken) bytes")
        try liveOnAFullDisk()
        try recover()
    }

    private func fillTheDisk() throws {
        let spool = try options.open()
        try write(spool, frames: 600, results: 600, "the spool fills the disk")
        try inventory(spool, "it fills the disk")
        guard lost(spool) > 0 else { throw ValidationError("the disk was never full") }
    }

    private func liveOnAFullDisk() throws {
        let spool = try options.open()
        try inventory(spool, "opened on a full disk")
        try write(spool, frames: 20, results: 200, "written on a full disk")
        for queue in SpoolQueue.allCases { try settleHalf(spool, queue) }
        try inventory(spool, "half of it settled on a full disk")
    }

    private func recover() throws {
        let spool = try options.open()
        try inventory(spool, "opened again on a full disk")
        unlink(filler)
        let before = lost(spool)
        for queue in SpoolQueue.allCases { try settleHalf(spool, queue) }
        try write(spool, frames: 5, results: 50, "written with room")
        guard lost(spool) == before else {
            throw ValidationError("records were dropped although there was room again")
        }
        try inventory(spool, "with room again")
    }

    private func lost(_ spool: Spool) -> UInt64 { spool.depths.reduce(0) { $0 + $1.dropped } }

    private func write(_ spool: Spool, frames: Int, results: Int, _ words: String) throws {
        var draws = Randomness(seed: UInt64(frames))
        for index in 0..<max(frames, results) {
            if index < frames { _ = try append(spool, .escalation, 100_000, &draws) }
            if index < results { _ = try append(spool, .result, 700, &draws) }
            if index % 50 == 0 { _ = try append(spool, .audit, 300, &draws) }
            if index % 16 == 15 { try spool.commit() }
        }
        try spool.commit()
        print("\(words): \(spool.held) bytes held, \(spool.room) left")
    }

    private func append(
        _ spool: Spool, _ queue: SpoolQueue, _ length: Int, _ draws: inout Randomness
    ) throws(Fault) -> UInt64 {
        try spool.append(queue, [Bytes(Marked.record(draws.next(), length: length))])
    }

    /// Reads everything: each number is a record that is whole, or a gap.
    private func inventory(_ spool: Spool, _ words: String) throws {
        for depth in spool.depths {
            var next = depth.first
            var records: UInt64 = 0
            while next < depth.next {
                for entry in try spool.read(
                    depth.queue, after: next - 1, records: 100, bytes: 4 << 20)
                {
                    switch entry {
                    case .record(let sequence, let bytes):
                        guard sequence == next, Marked.tag(bytes.array) != nil else {
                            throw ValidationError("\(words): \(depth.queue) \(next) is bad")
                        }
                        records += 1
                    case .gap(let gap):
                        guard gap.from == next, gap.reason == .overflow, depth.queue != .audit
                        else { throw ValidationError("\(words): \(depth.queue) \(gap)") }
                    }
                    next = entry.last + 1
                }
            }
            guard records == depth.records else {
                throw ValidationError("\(words): \(records) of \(depth)")
            }
            print("  \(depth.queue): \(records) records, \(depth.dropped) dropped")
        }
        print("\(words): whole")
    }

    private func settleHalf(_ spool: Spool, _ queue: SpoolQueue) throws(Fault) {
        let depth = spool.depths[Int(queue.rawValue)]
        try spool.settle(queue, through: (depth.first + depth.next) / 2 - 1)
    }

    /// Takes all that is left of the disk; how much that was.
    private func fill() throws -> Int {
        let file = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw ValidationError("cannot make \(filler)") }
        defer { close(file) }
        var total = 0
        var size = 1 << 20
        let block = [UInt8](repeating: 1, count: size)
        while size > 0 {
            let count = Glibc.write(file, block, size)
            if count > 0 { total += count } else { size /= 2 }
        }
        return total
    }
}
