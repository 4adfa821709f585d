import Ground

/// What connects a node with a peer, in both directions.
struct Link {
    struct Traits: Hashable {
        /// Nanoseconds one way.
        var latency: UInt64
        /// Mean of what is added at random, in nanoseconds.
        var jitter: UInt64
        /// Share of messages that vanish.
        var loss: Double
        /// Bytes per second and direction; 0 sets no limit.
        var rate: UInt64
    }

    /// Bytes that wait before a slow link, as time: what is behind more than this is lost. 10 s is
    /// what a socket's buffer holds on a slow uplink, and longer than any deadline but a few.
    static let deepest: UInt64 = 10_000_000_000

    let from: Int
    let to: Int
    /// The number that the one who asks has as a source at the one who is asked.
    let source: Int
    /// What it is like when nothing happens.
    let usual: Traits
    var traits: Traits
    /// Nothing passes.
    var isCut = false
    /// When each direction has sent what it has: up, down.
    private var upUntil: UInt64 = 0
    private var downUntil: UInt64 = 0
    private var randomness: Randomness
    /// Bytes that were sent up, and down.
    private(set) var bytesUp: UInt64 = 0
    private(set) var bytesDown: UInt64 = 0

    init(from: Int, to: Int, source: Int, _ traits: Traits, _ randomness: Randomness) {
        self.from = from
        self.to = to
        self.source = source
        usual = traits
        self.traits = traits
        self.randomness = randomness
    }

    /// When a message that is sent now arrives; `nil` when it never does.
    mutating func send(_ bytes: Int, up: Bool, now: UInt64) -> UInt64? {
        if up { bytesUp += UInt64(bytes) } else { bytesDown += UInt64(bytes) }
        if isCut { return nil }
        if traits.loss > 0, randomness.unit() < traits.loss { return nil }
        var sent = now
        if traits.rate > 0 {
            let free = max(up ? upUntil : downUntil, now)
            guard free - now <= Self.deepest else { return nil }
            sent = free + UInt64(bytes) * 1_000_000_000 / traits.rate
            if up { upUntil = sent } else { downUntil = sent }
        }
        let noise =
            traits.jitter == 0 ? 0 : UInt64(randomness.exponential() * Double(traits.jitter))
        return sent + traits.latency + noise
    }
}
