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

    /// What TCP/IP over Ethernet adds to a packet, and what one carries. Each packet is
    /// acknowledged by one without content: between real nodes 12.3 went up and 11.9 down for each
    /// escalation of 14.8 kB (`ip -stats link`, as `Tools/simulate --real` reads it).
    private static let header = 66
    private static let segment = 1448
    /// A new connection with certificates of both sides, headers and all: 2.4 kB went up and 2.6 kB
    /// down in the ten seconds after a cut of a real link, less what two probes take. HTTP/2's
    /// PINGs are not here: they go where a call hears nothing for ten seconds, and that is rare.
    private static let connectUp = 1_950
    private static let connectDown = 2_050
    /// A connection on which nothing has passed for so long although something was sent is given
    /// up: a call or a probe has a second, and a PING five.
    private static let patience: UInt64 = 6_000_000_000

    let from: Int
    let to: Int
    /// The number that the one who asks has as a source at the one who is asked.
    let source: Int
    /// What it is like when nothing happens.
    let usual: Traits
    var traits: Traits
    /// Nothing passes.
    var isCut = false
    /// Whether there is a connection, and since when what is sent on it is lost.
    private var isConnected = true
    private var lostSince: UInt64?
    /// When each direction has sent what it has: up, down.
    private var upUntil: UInt64 = 0
    private var downUntil: UInt64 = 0
    private var randomness: Randomness
    /// Bytes that have passed up, and down, as a machine's own counters have them.
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
        if isCut {
            lostSince = lostSince ?? now
            return nil
        }
        connectIfNeeded(now)
        if traits.rate > 0, max(up ? upUntil : downUntil, now) - now > Self.deepest { return nil }
        let headers = (bytes + Self.segment - 1) / Self.segment * Self.header
        let sent = pass(bytes + headers, up: up, now)
        if traits.loss > 0, randomness.unit() < traits.loss { return nil }
        if up { bytesDown += UInt64(headers) } else { bytesUp += UInt64(headers) }
        let noise =
            traits.jitter == 0 ? 0 : UInt64(randomness.exponential() * Double(traits.jitter))
        return sent + traits.latency + noise
    }

    /// When so many bytes have left, behind what is before them.
    private mutating func pass(_ bytes: Int, up: Bool, _ now: UInt64) -> UInt64 {
        if up { bytesUp += UInt64(bytes) } else { bytesDown += UInt64(bytes) }
        guard traits.rate > 0 else { return now }
        let free = max(up ? upUntil : downUntil, now)
        let sent = free + UInt64(bytes) * 1_000_000_000 / traits.rate
        if up { upUntil = sent } else { downUntil = sent }
        return sent
    }

    /// Opens a connection where the one before was given up.
    private mutating func connectIfNeeded(_ now: UInt64) {
        if let lostSince, now - lostSince >= Self.patience { isConnected = false }
        lostSince = nil
        guard !isConnected else { return }
        isConnected = true
        _ = pass(Self.connectUp, up: true, now)
        _ = pass(Self.connectDown, up: false, now)
    }

    /// A machine at one of its ends went down.
    mutating func disconnect() { isConnected = false }
}
