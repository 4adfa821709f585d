import ArgumentParser
import EventLoop
import Glibc
import Ground
import Logging

/// How a node logs.
struct LogOptions: ParsableArguments {
    enum Form: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Option(help: "Form of the log on standard error: \(Form.allCases.map(\.rawValue)).")
    var log: Form = .text

    @Option(help: "The least level that is logged: trace, debug, info, notice, warning, error.")
    var logLevel: String = "info"

    func logger(_ node: String) throws(Fault) -> Logger {
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw Fault(
                .invalid, "there is no log level '\(logLevel)'",
                remedy: "use trace, debug, info, notice, warning or error")
        }
        let form = log
        var logger = Logger(label: node) { LineLog(node: $0, form: form) }
        logger.logLevel = level
        return logger
    }
}

/// Writes one line an event to standard error, for people or for machines.
struct LineLog: LogHandler {
    let node: String
    let form: LogOptions.Form
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// What a client sent may be in a message, and must not write lines of its own.
    private static func oneLine(_ text: String) -> String {
        func isControl(_ unit: UInt8) -> Bool { unit < 0x20 || unit == 0x7F }
        guard text.utf8.contains(where: isControl) else { return text }
        let plain = text.utf8.map { isControl($0) ? UInt8(ascii: "?") : $0 }
        return String(decoding: plain, as: UTF8.self)
    }

    func log(event: LogEvent) {
        let facts = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let time = Timestamp.text(MonotonicTime().wall)
        let level = event.level.rawValue
        let message = "\(event.message)"
        let line: String
        switch form {
        case .text:
            let tail = facts.map { " \($0.key)=\($0.value)" }.joined()
            line = Self.oneLine("\(time) \(level.padding(to: 7)) \(message)\(tail)")
        case .json:
            let members = [
                ("time", time), ("level", level), ("node", node), ("message", message),
            ]
            let all = members + facts.map { ($0.key, "\($0.value)") }
            line = JSON.object(
                Dictionary(all.map { ($0.0, JSON.string($0.1)) }, uniquingKeysWith: { $1 })
            ).line
        }
        Console.error(line)
    }
}

/// Times of day as text.
enum Timestamp {
    /// `2026-03-01T12:34:56.789Z`.
    static func text(_ time: WallTime) -> String {
        var seconds = time_t(time.nanoseconds / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let millis = Int(time.nanoseconds / 1_000_000 % 1_000)
        return "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T"
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))."
            + "\(millis < 100 ? "0" : "")\(millis < 10 ? "0" : "")\(millis)Z"
    }

    private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
