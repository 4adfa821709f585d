public import Ground

/// Turns a condition that comes and goes into one alert that is raised once and cleared once. Pure.
///
/// It is raised when the condition has lasted for `hold`, or has begun `repeats` times, each within
/// `quiet` of the end before; it is cleared when the condition has stayed away for `quiet`. Several
/// sources (a node's loops) may report one condition: it is there while any of them says so.
public struct Hysteresis: Sendable, Equatable {
    /// When a condition is an alert, and when it is over.
    public struct Rule: Sendable, Equatable {
        public var hold: Interval
        /// At least 1.
        public var repeats: Int
        public var quiet: Interval

        public init(hold: Interval, repeats: Int, quiet: Interval) {
            self.hold = hold
            self.repeats = repeats
            self.quiet = quiet
        }
    }

    public enum Change: Sendable, Equatable {
        case raised, cleared
    }

    /// Whether it was raised and not cleared since.
    public private(set) var isRaised = false
    /// When it is an alert; another rule holds from the next event on.
    var rule: Rule
    /// Who says that the condition is there.
    private var sources: [Int] = []
    /// Since when it is there, `nil` when it is not.
    private var since: Instant?
    /// When it was last there.
    private var lastThere: Instant?
    /// How often it has begun without being away for `quiet`.
    private var beginnings = 0

    public init(_ rule: Rule) {
        self.rule = rule
    }

    /// A source says that the condition is there. Saying it again changes nothing.
    public mutating func began(by source: Int, now: Instant) -> [Change] {
        var changes = check(now: now)
        guard !sources.contains(source) else { return changes }
        sources.append(source)
        if since == nil {
            since = now
            beginnings += 1
        }
        changes += check(now: now)
        return changes
    }

    /// A source says that it is over.
    public mutating func ended(by source: Int, now: Instant) -> [Change] {
        let changes = check(now: now)
        guard let index = sources.firstIndex(of: source) else { return changes }
        sources.remove(at: index)
        if sources.isEmpty {
            since = nil
            lastThere = now
        }
        return changes
    }

    /// It is over, whoever said that it is there.
    mutating func endForAll(now: Instant) {
        guard since != nil else { return }
        sources = []
        since = nil
        lastThere = now
    }

    /// It happened and is over at once.
    public mutating func happened(now: Instant) -> [Change] {
        let nobody = Int.min
        return began(by: nobody, now: now) + ended(by: nobody, now: now)
    }

    /// Time has passed.
    public mutating func check(now: Instant) -> [Change] {
        if let since {
            guard !isRaised, now - since >= rule.hold || beginnings >= rule.repeats else {
                return []
            }
            isRaised = true
            return [.raised]
        }
        guard let lastThere, now - lastThere >= rule.quiet else { return [] }
        self.lastThere = nil
        beginnings = 0
        guard isRaised else { return [] }
        isRaised = false
        return [.cleared]
    }

    /// When `check` will have something to say, `nil` for never.
    public var due: Instant? {
        if let since { return isRaised ? nil : since + rule.hold }
        return lastThere.map { $0 + rule.quiet }
    }
}
