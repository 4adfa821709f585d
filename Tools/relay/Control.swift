import Ground

/// A line of the control channel.
enum ControlCommand: Equatable {
    case cut, reset, hole, stall, heal, stats, stop
    case set(Setting)

    /// One change of the impairment.
    enum Setting: Equatable {
        case delay(Interval), jitter(Interval), loss(Double), reorder(Double), bandwidth(Int?)
    }

    static let usage =
        "expected cut, reset, hole, stall, heal, stats, stop, or set followed by delay, jitter, "
        + "loss, reorder or bandwidth and a value"

    /// Reads one line.
    init(_ line: String) throws(Fault) {
        let words = line.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("cut", 1): self = .cut
        case ("reset", 1): self = .reset
        case ("hole", 1): self = .hole
        case ("stall", 1): self = .stall
        case ("heal", 1): self = .heal
        case ("stats", 1): self = .stats
        case ("stop", 1): self = .stop
        case ("set", 3):
            guard let setting = Setting(words[1], words[2]) else {
                throw Fault(
                    .invalid, "\(words[1]) cannot be set to \(words[2])", source: .client,
                    remedy: "write for example: set delay 200ms, set loss 1%, "
                        + "set bandwidth 2Mbit/s or none")
            }
            self = .set(setting)
        default:
            throw Fault(.invalid, "“\(line)” is no command; \(Self.usage)", source: .client)
        }
    }
}

extension ControlCommand.Setting {
    /// A setting by its name and value, or `nil` when either is not understood.
    init?(_ name: String, _ value: String) {
        switch name {
        case "delay": self.init(Units.interval(value)) { .delay($0) }
        case "jitter": self.init(Units.interval(value)) { .jitter($0) }
        case "loss": self.init(Units.share(value)) { .loss($0) }
        case "reorder": self.init(Units.share(value)) { .reorder($0) }
        case "bandwidth" where value == "none": self = .bandwidth(nil)
        case "bandwidth": self.init(Units.bandwidth(value)) { .bandwidth($0) }
        default: return nil
        }
    }

    private init?<Value>(_ value: Value?, _ make: (Value) -> Self) {
        guard let value else { return nil }
        self = make(value)
    }

    /// Puts the new value in.
    func apply(to impairment: inout Impairment) {
        switch self {
        case .delay(let value): impairment.delay = value
        case .jitter(let value): impairment.jitter = value
        case .loss(let value): impairment.loss = value
        case .reorder(let value): impairment.reorder = value
        case .bandwidth(let value): impairment.bandwidth = value
        }
    }
}
