public import Ground

/// The alerts that one sink is owed, in order: a bounded queue that delivers at least once and
/// says what it had to drop. Pure: it hears what happened and says what to send.
///
/// A letter is *handed out* by `next`, and then delivered, refused for ever, or failed; what failed
/// is handed out again. Letters are handed out in the order in which they were posted, and after a
/// failure again from the oldest one that was not delivered.
public struct Outbox: Sendable {
    /// An alert on its way to one sink.
    public struct Letter: Sendable, Equatable {
        /// Counts the letters of an outbox, from 0.
        public let number: UInt64
        public let alert: Alert
        /// What its poster calls it.
        public let ticket: UInt64?
        /// Alerts before this one that this sink will never get.
        public internal(set) var lost: Int
        /// How often it was handed out.
        public internal(set) var attempts = 0
    }

    /// How a sink takes alerts.
    public struct Settings: Sendable {
        /// Letters that are held, those handed out among them.
        public var limit: Int
        /// Letters that may be handed out at a time, fewer than `limit`.
        public var window: Int
        /// Whether the letters handed out at a time are answered together, and nothing more is
        /// handed out before.
        public var inBatches: Bool

        public init(limit: Int, window: Int, inBatches: Bool) {
            precondition(window >= 1 && window < limit, "an outbox must have room to drop from")
            self.limit = limit
            self.window = window
            self.inBatches = inBatches
        }
    }

    /// What became of all letters so far.
    public struct Counts: Sendable, Equatable {
        public var posted = 0
        public var delivered = 0
        /// Handed out once more, for lack of an answer.
        public var retried = 0
        /// Dropped for want of room.
        public var dropped = 0
        /// Given up because the sink refused them for ever.
        public var refused = 0

        public init() {}
    }

    public private(set) var counts = Counts()
    /// Whether the sink takes letters now.
    public private(set) var isOpen = false
    private let settings: Settings
    private var waiting = Line()
    /// The oldest letters, taken out of `waiting`; the first `handedOut` of them are at the sink.
    private var front: [Letter] = []
    private var handedOut = 0
    /// Letters that a batch may have now: one, after a batch was refused.
    private var batch: Int
    /// Lost alerts that the next letter to be posted must tell of.
    private var unreported = 0
    private var backoff = Backoff()
    private var pausedUntil: Instant?

    public init(_ settings: Settings) {
        self.settings = settings
        batch = settings.window
    }

    /// Letters that are not delivered.
    public var count: Int { front.count + waiting.count }

    /// When `next` should be asked again though nothing happens, `nil` when nothing waits for a
    /// moment.
    public var due: Instant? { isOpen && handedOut == 0 && count > 0 ? pausedUntil : nil }

    // MARK: What happens

    /// Whether one more alert would drop none.
    public var hasRoom: Bool { count < settings.limit }

    /// Alerts are lost that were never posted; the next one to be posted tells of them.
    public mutating func missed(_ alerts: Int) {
        counts.dropped += alerts
        unreported += alerts
    }

    /// Takes one more alert. When all room is taken, the oldest letter that is not at the sink is
    /// dropped.
    public mutating func post(_ alert: Alert, ticket: UInt64? = nil) {
        if count >= settings.limit { dropOldest() }
        let number = UInt64(counts.posted)
        counts.posted += 1
        waiting.append(Letter(number: number, alert: alert, ticket: ticket, lost: unreported))
        unreported = 0
    }

    /// The sink takes letters from now on.
    public mutating func opened() { isOpen = true }

    /// The sink takes no letters until it opens again; what is handed out must be sent anew.
    public mutating func closed() {
        isOpen = false
        handedOut = 0
    }

    /// A letter has arrived. An answer to a letter that is not at the sink changes nothing.
    ///
    /// - Returns: the letter, the first time.
    public mutating func delivered(_ number: UInt64) -> Letter? {
        guard let letter = settle(number) else { return nil }
        counts.delivered += 1
        backoff.reset()
        pausedUntil = nil
        batch = min(settings.window, batch * 2)
        return letter
    }

    /// What was handed out has not arrived, and may when it is sent again later.
    ///
    /// - Parameter after: what the sink itself asked for.
    public mutating func failed(after: Interval?, now: Instant, random: inout Randomness) {
        handedOut = 0
        pausedUntil = now + max(backoff.next(&random), after ?? .zero)
    }

    /// The sink will never take a letter. Of a batch nobody knows which one it is: its letters are
    /// handed out one by one.
    ///
    /// - Returns: the letter that is given up, if any.
    public mutating func refused(_ number: UInt64) -> Letter? {
        if settings.inBatches && handedOut > 1 {
            handedOut = 0
            batch = 1
            return nil
        }
        guard let letter = settle(number) else { return nil }
        counts.refused += 1
        report(lost: letter.lost + 1)
        return letter
    }

    /// The letters to send now, in order.
    public mutating func next(now: Instant) -> [Letter] {
        guard isOpen, !(settings.inBatches && handedOut > 0) else { return [] }
        if let moment = pausedUntil {
            guard now >= moment else { return [] }
            pausedUntil = nil
        }
        let most = settings.inBatches ? batch : settings.window
        while front.count < most, let letter = waiting.popFirst() { front.append(letter) }
        let end = min(front.count, most)
        guard handedOut < end else { return [] }
        for index in handedOut..<end {
            front[index].attempts += 1
            if front[index].attempts > 1 { counts.retried += 1 }
        }
        let letters = Array(front[handedOut..<end])
        handedOut = end
        return letters
    }

    // MARK: -

    /// Takes out a letter that is at the sink.
    private mutating func settle(_ number: UInt64) -> Letter? {
        guard let index = front[..<handedOut].firstIndex(where: { $0.number == number }) else {
            return nil
        }
        handedOut -= 1
        return front.remove(at: index)
    }

    private mutating func dropOldest() {
        let oldest = handedOut < front.count ? front.remove(at: handedOut) : waiting.popFirst()
        guard let oldest else { return }
        counts.dropped += 1
        report(lost: oldest.lost + 1)
    }

    /// Lets the next letter that leaves tell of what is lost.
    private mutating func report(lost: Int) {
        if handedOut < front.count {
            front[handedOut].lost += lost
        } else if !waiting.tellFirst(lost: lost) {
            unreported += lost
        }
    }
}

/// Letters in line. Taking one off the front costs nothing: the room is given back by halves.
private struct Line: Sendable {
    private var letters: [Outbox.Letter?] = []
    private var head = 0

    var count: Int { letters.count - head }

    mutating func append(_ letter: Outbox.Letter) { letters.append(letter) }

    mutating func popFirst() -> Outbox.Letter? {
        guard head < letters.count else { return nil }
        let letter = letters[head]
        letters[head] = nil
        head += 1
        if head > 32 && head * 2 > letters.count {
            letters.removeFirst(head)
            head = 0
        }
        return letter
    }

    /// Adds to what the first letter says is lost; false when there is none.
    mutating func tellFirst(lost: Int) -> Bool {
        guard head < letters.count else { return false }
        letters[head]?.lost += lost
        return true
    }
}
