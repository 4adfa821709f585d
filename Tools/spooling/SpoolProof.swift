import ArgumentParser
import Cryptography
import Glibc
import Ground
import Spool
import Storage

/// Real spools on real disks, for those who kill, fill and measure them.
@main
struct SpoolProof: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spool-proof", abstract: "Write to a spool, check one, measure one.",
        subcommands: [
            Write.self, Check.self, Brim.self, Rate.self, Stuff.self, Backlog.self, Opening.self,
            Golden.self,
        ])
}

/// Which spool.
struct SpoolOptions: ParsableArguments {
    @Option(help: "The spool's folder.")
    var folder: String

    @Option(help: "Bytes that it may hold.")
    var quota = 1 << 20

    @Option(help: "Bytes of a segment.")
    var segment: Int?

    @Flag(help: "Seal what lies there.")
    var sealed = false

    func open() throws(Fault) -> Spool {
        var settings = SpoolSettings(quota: quota)
        settings.segmentBytes = segment
        if sealed { settings.key = try SealingKey((0..<32).map { UInt8($0) }) }
        return try Spool(
            folder: folder, disk: SegmentFiles(), settings: settings, draw: SecureRandom.word)
    }
}

/// Records that say what they should be: eight bytes, and what follows from them.
enum Marked {
    static func record(_ tag: UInt64, length: Int) -> [UInt8] {
        var draws = Randomness(seed: tag)
        var words = [tag.littleEndian]
        while words.count * 8 < length { words.append(draws.next().littleEndian) }
        return words.withUnsafeBytes { Array($0.prefix(max(length, 8))) }
    }

    /// The tag of a record; `nil` when its bytes do not follow from it.
    static func tag(_ bytes: [UInt8]) -> UInt64? {
        guard bytes.count >= 8 else { return nil }
        let tag = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << (8 * $1) }
        return record(tag, length: bytes.count) == bytes ? tag : nil
    }
}

/// Seconds of a clock that only goes forward.
func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
