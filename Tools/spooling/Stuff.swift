import ArgumentParser
import Ground
import Spool
import Storage

/// `spool-proof stuff`: a spool that holds one record again and again, as a node leaves it.
struct Stuff: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Append a file's bytes to a queue, again and again.")

    @OptionGroup var options: SpoolOptions

    @Option(help: "The record.")
    var record: String

    @Option(help: "escalation, result, telemetry, alert or audit.")
    var queue: String

    @Option(help: "How often.")
    var records: Int

    /// Records of a commit.
    private static let batch = 64

    func run() throws {
        guard let queue = SpoolQueue(queue) else { throw ValidationError("no queue \(queue)") }
        let bytes = Bytes(try FileDisk().read(record, limit: 8 << 20))
        let spool = try options.open()
        for number in 1...max(records, 1) {
            try spool.append(queue, [bytes])
            if number % Self.batch == 0 { try spool.commit() }
        }
        try spool.commit()
        let depth = spool.depths[Int(queue.rawValue)]
        print("\(depth.records) records, \(depth.dropped) dropped, \(spool.held) bytes")
    }
}
