import Ground
import Logging

/// Says in the log what is refused and why: for each kind of fault at once when it is new, and then
/// now and then, with how often. What a crowd of clients does wrong would otherwise fill the log.
/// Confined to its loop.
final class RefusalLog {
    /// After a line, refusals of the same kind are only counted for so long: six lines a minute of
    /// each of twelve kinds are read by a person and cost nothing.
    static let pause = Interval.seconds(10)
    /// Bytes of a fault's words in a line: it may repeat what a client sent.
    static let longest = 300

    private struct Kind {
        var nextLine: Instant
        /// Since the last line.
        var untold = 0
    }

    private let log: Logger
    private let time: any TimeSource
    private var kinds: [Fault.Code: Kind] = [:]

    init(_ log: Logger, time: any TimeSource) {
        self.log = log
        self.time = time
    }

    /// Hears of one refusal.
    func hear(_ fault: Fault) {
        let now = time.now
        var kind = kinds[fault.code] ?? Kind(nextLine: now)
        defer { kinds[fault.code] = kind }
        guard now >= kind.nextLine else {
            kind.untold += 1
            return
        }
        var about: Logger.Metadata = ["reason": "\(fault.code)"]
        if kind.untold > 0 { about["before"] = "\(kind.untold)" }
        let words = String(decoding: fault.message.utf8.prefix(Self.longest), as: UTF8.self)
        // What a client does wrong is its own; what this node or its peers cannot do is ours.
        let level: Logger.Level = fault.source == .client ? .info : .warning
        log.log(level: level, "refused: \(words)", metadata: about)
        kind = Kind(nextLine: now + Self.pause)
    }
}
