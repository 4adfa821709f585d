import ArgumentParser
import Ground
import Spool
import Storage

/// `spool-proof rate`: records a second, through a spool or by bare writes.
struct Rate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure records a second on this disk.",
        discussion: "With --raw: the same bytes by one write and one fdatasync a commit, to a file "
            + "that has its room.")

    @OptionGroup var options: SpoolOptions

    @Option(help: "Bytes of a record.")
    var size: Int

    @Option(help: "Records of a commit.")
    var batch: Int

    @Option(help: "How long.")
    var seconds = 5.0

    @Flag(help: "Bare writes instead of a spool.")
    var raw = false

    func run() throws {
        // The bytes of one commit, other ones for each record of it.
        let block = Bytes(Marked.record(1, length: size * batch))
        let (records, took) = try raw ? bare(block) : spooled(block)
        let result = JSON.object([
            "records": .integer(records), "seconds": .real(took),
            "rate": .real(Double(records) / took),
        ])
        print(String(decoding: result.canonical, as: UTF8.self))
    }

    private func spooled(_ block: Bytes) throws -> (Int, Double) {
        let queue: SpoolQueue = size > 10_000 ? .escalation : .result
        let spool = try options.open()
        let begun = Spooling.now
        var records = 0
        while Spooling.now - begun < seconds {
            for index in 0..<batch {
                _ = try spool.append(queue, [block[index * size..<(index + 1) * size]])
            }
            try spool.commit()
            records += batch
        }
        return (records, Spooling.now - begun)
    }

    private func bare(_ block: Bytes) throws -> (Int, Double) {
        let disk = SegmentFiles()
        try disk.makeFolder(options.folder)
        let file = try disk.make("\(options.folder)/raw")
        try file.preallocate(options.quota)
        try file.sync()
        let begun = Spooling.now
        var records = 0
        var offset = 0
        while Spooling.now - begun < seconds {
            if offset + block.count > options.quota { offset = 0 }
            try block.withUnsafeBytes { bytes throws(Fault) in
                try file.write([bytes], at: offset)
            }
            try file.sync()
            offset += block.count
            records += batch
        }
        return (records, Spooling.now - begun)
    }
}

/// The clock, where an option has the name of its unit.
enum Spooling {
    static var now: Double { seconds() }
}

/// `spool-proof opening`: how long a spool takes to open.
struct Opening: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Measure how long opening takes.")

    @OptionGroup var options: SpoolOptions

    func run() throws {
        let begun = Spooling.now
        let spool = try options.open()
        let took = Spooling.now - begun
        let result = JSON.object([
            "seconds": .real(took), "held": .integer(spool.held),
            "records": .integer(spool.depths.reduce(0) { $0 + Int($1.records) }),
        ])
        print(String(decoding: result.canonical, as: UTF8.self))
    }
}

/// `spool-proof golden`: the files that tests of later versions read.
struct Golden: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a spool of this version for later ones to read.")

    @OptionGroup var options: SpoolOptions

    func run() throws {
        let spool = try options.open()
        for queue in SpoolQueue.allCases {
            for number in 1...3 {
                try spool.append(queue, [Bytes(Array("\(queue) \(number)".utf8))])
            }
        }
        // Larger than the spool: it is a gap.
        try spool.append(.result, [Bytes([UInt8](repeating: 0, count: options.quota))])
        try spool.append(.result, [Bytes(Array("result 5".utf8))])
        try spool.commit()
        try spool.settle(.alert, through: 2)
    }
}
