import ArgumentParser
import Ground
import Spool
import Storage

/// `spool-proof check`: holds a spool against the log of who wrote it.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check that a spool holds what its writer was told.",
        discussion: "Afterwards the log says what is owed now, for the next writer.")

    @OptionGroup var options: SpoolOptions

    @Option(help: "What its writer said.")
    var log: String

    @Flag(help: "No gap may stand for an acknowledged record.")
    var withoutLoss = false

    private struct Queue {
        var owed: [UInt64: UInt64] = [:]
        var settled: UInt64 = 0
        var settling: UInt64 = 0
    }

    func run() throws {
        var queues = try read()
        let spool = try options.open()
        var wrong: [String] = []
        var counts = (records: 0, gaps: 0, lost: 0)
        for depth in spool.depths {
            let index = Int(depth.queue.rawValue)
            let queue = queues[index]
            let most = max(queue.settled, queue.settling)
            if depth.first <= queue.settled || depth.first > most + 1 {
                wrong.append("\(depth.queue) begins at \(depth.first), settled is \(most)")
            }
            var held: [UInt64: UInt64] = [:]
            var next = depth.first
            while true {
                let entries = try spool.read(
                    depth.queue, after: next - 1, records: 100, bytes: 1 << 20)
                if entries.isEmpty { break }
                for entry in entries {
                    switch entry {
                    case .record(let sequence, let bytes):
                        counts.records += 1
                        held[sequence] = Marked.tag(bytes.array)
                        if sequence != next || held[sequence] == nil {
                            wrong.append("\(depth.queue) \(sequence) stands at \(next), or is bad")
                        }
                        if let tag = queue.owed[sequence], tag != held[sequence] {
                            wrong.append("\(depth.queue) \(sequence) is another record")
                        }
                    case .gap(let gap):
                        counts.gaps += 1
                        if gap.from != next { wrong.append("\(depth.queue) \(gap) at \(next)") }
                        let lost = queue.owed.keys.count { gap.from <= $0 && $0 <= gap.through }
                        counts.lost += lost
                        if lost > 0, withoutLoss || gap.reason != .overflow {
                            wrong.append("\(depth.queue): \(lost) owed records lost: \(gap)")
                        }
                    }
                    next = entry.last + 1
                }
            }
            for sequence in queue.owed.keys where sequence >= next {
                wrong.append("\(depth.queue) \(sequence) was acknowledged and is not there")
            }
            queues[index] = Queue(owed: held, settled: depth.first - 1, settling: 0)
        }
        print(
            "\(counts.records) records, \(counts.gaps) gaps for \(counts.lost) acknowledged;"
                + " \(wrong.count) wrong")
        for words in wrong.prefix(20) { print(words) }
        try write(queues)
        if !wrong.isEmpty { throw ExitCode.failure }
    }

    private func read() throws -> [Queue] {
        var queues = SpoolQueue.allCases.map { _ in Queue() }
        let bytes = try FileDisk().read(log, limit: 1 << 30)
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 3, let queue = SpoolQueue(words[1]), let first = UInt64(words[2])
            else { continue }
            let index = Int(queue.rawValue)
            switch words[0] {
            case "owed" where words.count == 4: queues[index].owed[first] = UInt64(words[3])
            case "settling": queues[index].settling = first
            case "settled":
                queues[index].settled = first
                queues[index].owed = queues[index].owed.filter { $0.key > first }
            default: break
            }
        }
        for index in queues.indices {
            let settling = queues[index].settling
            queues[index].owed = queues[index].owed.filter { $0.key > settling }
        }
        return queues
    }

    private func write(_ queues: [Queue]) throws {
        var text = ""
        for (queue, held) in zip(SpoolQueue.allCases, queues) {
            text += "settled \(queue) \(held.settled)\n"
            for (sequence, tag) in held.owed.sorted(by: { $0.key < $1.key }) {
                text += "owed \(queue) \(sequence) \(tag)\n"
            }
        }
        try FileDisk().replace(log, with: Array(text.utf8))
    }
}
