import Ground

/// What a link does to bytes on their way. All of it holds for each direction by itself.
struct Impairment: Equatable {
    /// One-way delay.
    var delay = Interval.zero
    /// A piece's delay varies evenly by up to this much to either side.
    var jitter = Interval.zero
    /// Share of segments that are lost, 0 to 1.
    var loss = 0.0
    /// Share of segments that arrive out of order, 0 to 1.
    var reorder = 0.0
    /// Bytes a second, or `nil` for no limit.
    var bandwidth: Int?

    /// Bytes of a TCP segment on Ethernet with timestamps: what loss and reordering hit.
    static let segment = 1_448
    /// Least time that a retransmission takes, so that loss is felt on a link without delay.
    static let leastRetransmission = Interval.milliseconds(10)
    /// Repeated losses of one segment that are drawn: the waits double, and six make 63 of them.
    static let lossLimit = 6
    /// Bytes on the way in one direction of a connection, at most. Four MiB carry 40 MB/s at 100
    /// ms.
    static let queueLimit = 4 << 20
    /// Least such bound: one read.
    static let leastQueue = 65_536
    /// What a paced link queues besides the bytes in flight, as time: a router's usual buffer.
    static let queueTime = Interval.milliseconds(250)

    /// Time until a lost segment comes again: a round trip and the variation of it (RFC 6298).
    var retransmission: Interval {
        max(delay + delay + jitter + jitter + jitter + jitter, Self.leastRetransmission)
    }

    /// How long a segment that was overtaken holds up those behind it.
    var reorderStall: Interval {
        max(Interval(nanoseconds: delay.nanoseconds / 4) + jitter, .milliseconds(1))
    }

    /// Bytes that may be on the way before reading stops.
    var queueBound: Int {
        guard let bandwidth else { return Self.queueLimit }
        let held = Double(bandwidth) * (delay + Self.queueTime).seconds
        return min(max(Int(held), Self.leastQueue), Self.queueLimit)
    }

    /// Whether pieces must be single segments.
    var looksAtSegments: Bool { loss > 0 || reorder > 0 || bandwidth != nil }
}

/// The cable of one direction, which all connections share: it carries one piece after the other.
struct Pacer {
    private var free = Instant(nanoseconds: 0)

    /// When the last bit of `count` bytes that come at `now` has left.
    mutating func pass(_ count: Int, now: Instant, bandwidth: Int?) -> Instant {
        guard let bandwidth else { return now }
        let taken = Int64(Double(count) / Double(bandwidth) * 1e9)
        free = max(free, now) + Interval(nanoseconds: taken)
        return free
    }
}

/// When the pieces of one direction of one connection arrive: a pure value, drawn from a seed.
struct Schedule {
    private var random: Randomness
    private var last = Instant(nanoseconds: 0)
    private(set) var losses = 0
    private(set) var reorderings = 0

    init(seed: UInt64) { random = Randomness(seed: seed) }

    /// When a piece of `count` bytes that comes at `now` arrives. It never overtakes an earlier
    /// one: a byte stream waits for what was lost or overtaken.
    mutating func arrival(
        of count: Int, now: Instant, over pacer: inout Pacer, _ impairment: Impairment
    ) -> Instant {
        var due = pacer.pass(count, now: now, bandwidth: impairment.bandwidth) + impairment.delay
        if impairment.jitter > .zero {
            let share = random.unit() * 2 - 1
            due = due + Interval(nanoseconds: Int64(share * Double(impairment.jitter.nanoseconds)))
        }
        if impairment.loss > 0 { due = due + lossStall(impairment) }
        if impairment.reorder > 0 && random.unit() < impairment.reorder {
            reorderings += 1
            due = due + impairment.reorderStall
        }
        last = max(last, due, now)
        return last
    }

    private mutating func lossStall(_ impairment: Impairment) -> Interval {
        var stall = Interval.zero
        var wait = impairment.retransmission
        for _ in 0..<Impairment.lossLimit {
            guard random.unit() < impairment.loss else { break }
            losses += 1
            stall = stall + wait
            wait = wait + wait
        }
        return stall
    }
}
