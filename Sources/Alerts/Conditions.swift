public import Ground

/// All conditions of a node, each with its hysteresis. Pure.
public struct Conditions: Sendable {
    /// What a condition is and whom it concerns.
    public struct Key: Sendable, Hashable {
        /// `breaker-open`, `shedding`, `engine-lost`…
        public var condition: String
        /// A peer, a task; empty for the node itself.
        public var subject: String

        public init(_ condition: String, _ subject: String) {
            self.condition = condition
            self.subject = subject
        }
    }

    /// A condition that is to be reported.
    public struct Transition: Sendable, Equatable {
        public var key: Key
        public var change: Hysteresis.Change
    }

    /// Conditions that are followed at a time. Each names a peer or a task of the topology, some of
    /// each; one more is not followed.
    public static let limit = 4_096

    private var rule: Hysteresis.Rule
    /// In the order in which they were first heard of, so that reports have an order.
    private var known: [(key: Key, state: Hysteresis)] = []
    private var places: [Key: Int] = [:]

    public init(_ rule: Hysteresis.Rule) {
        self.rule = rule
    }

    /// Takes another rule for all conditions; what is raised stays so until it is over.
    public mutating func adopt(_ rule: Hysteresis.Rule) {
        self.rule = rule
        for index in known.indices { known[index].state.rule = rule }
    }

    /// `source` says that a condition is there.
    public mutating func began(_ key: Key, by source: Int, now: Instant) -> [Transition] {
        change(key) { $0.began(by: source, now: now) }
    }

    /// `source` says that it is over.
    public mutating func ended(_ key: Key, by source: Int, now: Instant) -> [Transition] {
        change(key) { $0.ended(by: source, now: now) }
    }

    /// It happened and is over at once.
    public mutating func happened(_ key: Key, now: Instant) -> [Transition] {
        change(key) { $0.happened(now: now) }
    }

    /// Conditions that nobody can end any more are over, whoever said that they are there.
    public mutating func end(now: Instant, where isOrphan: (Key) -> Bool) {
        for index in known.indices where isOrphan(known[index].key) {
            known[index].state.endForAll(now: now)
        }
    }

    /// Time has passed.
    public mutating func check(now: Instant) -> [Transition] {
        var transitions: [Transition] = []
        for index in known.indices {
            let changes = known[index].state.check(now: now)
            transitions += changes.map { Transition(key: known[index].key, change: $0) }
        }
        return transitions
    }

    /// When `check` will have something to say, `nil` for never.
    public var due: Instant? { known.compactMap(\.state.due).min() }

    private mutating func change(
        _ key: Key, _ body: (inout Hysteresis) -> [Hysteresis.Change]
    ) -> [Transition] {
        guard let place = place(of: key) else { return [] }
        return body(&known[place].state).map { Transition(key: key, change: $0) }
    }

    private mutating func place(of key: Key) -> Int? {
        if let place = places[key] { return place }
        guard known.count < Self.limit else { return nil }
        known.append((key, Hysteresis(rule)))
        places[key] = known.count - 1
        return known.count - 1
    }
}
