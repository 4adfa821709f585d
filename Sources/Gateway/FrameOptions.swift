import Ground
import Routing
import Wire

/// What a request says of its frame through Canopy's parameters. Every one is optional.
struct FrameOptions: Sendable {
    var workClass = WorkClass.realtime
    var mode: Mode?
    /// The caller's own bar, 0…1.
    var accept: Double?
    /// The caller's `timeout` parameter.
    var timeout: Interval?
    /// Camera or sensor, for order and for telling frames apart.
    var stream: String?
    var sequence: Int?
    /// When the frame was taken, as the camera put it. It is handed on as it came.
    var capturedAt: Parameters.Value?
    /// Nodes that the frame has come through, nearest to the camera first.
    var via: [String] = []

    /// A frame comes through three tiers; more hops than these are a ring of nodes.
    static let mostHops = 8

    /// Reads the parameters of a request.
    ///
    /// - Throws: `invalid` that names the parameter, what came and what may stand there.
    init(_ parameters: Parameters) throws(Fault) {
        for entry in parameters.entries {
            try read(entry)
        }
    }

    private mutating func read(_ entry: Parameters.Entry) throws(Fault) {
        switch entry.name {
        case "timeout":
            guard let micros = Self.integer(entry.value), micros > 0 else {
                throw Self.wrong(entry, "a positive number of microseconds")
            }
            timeout = .microseconds(Int64(micros))
        case "canopy.class":
            workClass = try Self.word(entry)
        case "canopy.mode":
            mode = try Self.word(entry) as Mode
        case "canopy.accept":
            guard let bar = Self.number(entry.value), (0...1).contains(bar) else {
                throw Self.wrong(entry, "a confidence from 0 to 1")
            }
            accept = bar
        case "canopy.stream":
            stream = try Self.text(entry)
        case "canopy.sequence":
            guard let number = Self.integer(entry.value), number >= 0 else {
                throw Self.wrong(entry, "a frame number from 0")
            }
            sequence = number
        case "canopy.captured_at":
            if case .string = entry.value { _ = try Self.text(entry) }
            capturedAt = entry.value
        case "canopy.via":
            via = try Self.text(entry).split(separator: ",").map(String.init)
            if via.count > Self.mostHops {
                throw Self.wrong(entry, "at most \(Self.mostHops) nodes")
            }
        default:
            break
        }
    }

    private static func word<Word: RawRepresentable & CaseIterable>(
        _ entry: Parameters.Entry
    ) throws(Fault) -> Word where Word.RawValue == String {
        if case .string(let text) = entry.value, let word = Word(rawValue: text) { return word }
        let words = Word.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        throw wrong(entry, "one of \(words)")
    }

    private static func text(_ entry: Parameters.Entry) throws(Fault) -> String {
        if case .string(let text) = entry.value, text.utf8.count <= 256 { return text }
        throw wrong(entry, "a string of at most 256 bytes")
    }

    private static func integer(_ value: Parameters.Value) -> Int? {
        switch value {
        case .int64(let number): Int(exactly: number)
        case .uint64(let number): Int(exactly: number)
        default: nil
        }
    }

    private static func number(_ value: Parameters.Value) -> Double? {
        switch value {
        case .double(let number): number
        default: integer(value).map(Double.init)
        }
    }

    private static func wrong(_ entry: Parameters.Entry, _ expected: String) -> Fault {
        Fault(
            .invalid, "parameter '\(entry.name)' is \(shown(entry.value)), expected \(expected)",
            source: .client)
    }

    private static func shown(_ value: Parameters.Value) -> String {
        switch value {
        case .bool(let value): "\(value)"
        case .int64(let value): "\(value)"
        case .uint64(let value): "\(value)"
        case .double(let value): "\(value)"
        // As much as tells the reader which text it was.
        case .string(let text): "'\(text.prefix(64))\(text.utf8.count > 64 ? "…" : "")'"
        }
    }
}
