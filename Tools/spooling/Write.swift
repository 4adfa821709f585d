import ArgumentParser
import Glibc
import Ground
import Spool

/// `spool-proof write`: appends, commits, drains and settles until it is killed, and says in a log
/// what it was told.
struct Write: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write until killed; the log says what was acknowledged and settled.")

    @OptionGroup var options: SpoolOptions

    @Option(help: "Where to say what was acknowledged; what is there is kept.")
    var log: String

    @Option(help: "Of all that is random.")
    var seed: UInt64

    @Option(help: "A bug that must be found. early: it acknowledges before it commits.")
    var planted: Planted?

    enum Planted: String, ExpressibleByArgument { case early }

    func run() throws {
        let spool = try options.open()
        var draws = Randomness(seed: seed)
        let log = try ProofLog(log)
        while true {
            switch draws.next() % 8 {
            case 0..<5: try write(spool, &draws, log)
            case 5..<7: try drain(spool, &draws, log, keeping: 40)
            default: try drain(spool, &draws, log, keeping: 0)
            }
        }
    }

    private func write(_ spool: Spool, _ draws: inout Randomness, _ log: ProofLog) throws(Fault) {
        var lines: [String] = []
        for _ in 0...Int(draws.next() % 12) {
            let queue = SpoolQueue.allCases[Int(draws.next() % 5)]
            let tag = draws.next()
            let length = queue == .escalation ? 9_000 : 200 + Int(draws.next() % 600)
            let held = spool.held
            log.say("phase write\n")
            do throws(Fault) {
                let record = Bytes(Marked.record(tag, length: length))
                let sequence = try spool.append(queue, [record])
                lines.append("owed \(queue) \(sequence) \(tag)\n")
            } catch {
                // Audit, when it is full of that; it is drained in time.
                guard error.code == .exhausted else { throw error }
            }
            // A file was made or given up: a segment is full. The next one becomes durable now.
            if spool.held != held {
                log.say("phase rotate\n")
                try spool.commit()
            }
        }
        log.say("phase commit\n")
        if planted == .early { log.say(lines.joined()) }
        try spool.commit()
        if planted == nil { log.say(lines.joined()) }
    }

    private func drain(
        _ spool: Spool, _ draws: inout Randomness, _ log: ProofLog, keeping kept: UInt64
    ) throws(Fault) {
        let queue = SpoolQueue.allCases[Int(draws.next() % 5)]
        log.say("phase drain\n")
        let first = spool.depths[Int(queue.rawValue)].first
        var last = first - 1
        while true {
            let entries = try spool.read(queue, after: last, records: 64, bytes: 64 << 10)
            guard let end = entries.last?.last else { break }
            last = end
        }
        guard last >= first + kept else { return }
        log.say("settling \(queue) \(last - kept)\nphase settle\n")
        try spool.settle(queue, through: last - kept)
        log.say("settled \(queue) \(last - kept)\n")
    }
}

/// A file that each line is written to at once, so that it is whole after a kill.
final class ProofLog {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw ValidationError("cannot write \(path)") }
    }

    func say(_ text: String) {
        guard !text.isEmpty else { return }
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
