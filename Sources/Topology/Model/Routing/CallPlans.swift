public import Ground

/// How many failed calls are tried again, hedges among them.
public struct RetryPlan: Hashable, Sendable {
    /// Retries per hundred requests of the last 10 s, 0 to 100. Default 20: at worst a fifth more
    /// load for a tier that is in trouble.
    public var percent = 20
    /// Retries a second that are always allowed, 0 to 100,000; `nil` (default) is 1 on a leaf,
    /// whose few cameras need no more, and 10 above.
    public var floor: Int?

    /// The defaults.
    public init() {}

    /// What `fields` say, and `base` where they say nothing.
    init(_ fields: Fields, over base: RetryPlan) {
        percent = fields.value("share", .percent(0...100), or: base.percent)
        floor = fields.value("floor", .count(0...100_000)) ?? base.floor
        fields.finish()
    }

    /// Retries a second that a node of the tier may always send.
    public func floor(_ tier: Tier) -> Int { floor ?? (tier == .leaf ? 1 : 10) }
}

/// When a second peer is asked because the first one is slow.
public struct HedgePlan: Hashable, Sendable {
    /// After the time within which this percentage of the recent calls were answered, 50 to 99;
    /// `nil` never asks a second peer. Default 95: one call in twenty, well within the retry
    /// budget that also pays for it.
    public var quantile: Int? = 95

    /// The defaults.
    public init() {}

    /// Reads `hedge` of `fields`: a map with `quantile`, or `off`.
    init(_ fields: Fields, over base: HedgePlan) {
        if let entry = fields.entry("hedge"), case .scalar(let word) = entry.content {
            if word == "off" {
                quantile = nil
            } else {
                quantile = base.quantile
                fields.report.add(
                    entry.place, "`hedge` of \(fields.subject) is \(quoted(word))",
                    "write `hedge: off`, or `hedge: { quantile: 95% }`")
            }
            return
        }
        let own = fields.fields("hedge")
        quantile = own.value("quantile", .percent(50...99)) ?? base.quantile
        own.finish()
    }
}

/// How a node asks peers that it does not call whether they live.
public struct ProbePlan: Hashable, Sendable {
    /// How often each peer is asked, 50 ms to 10 min. Default 500 ms: a nearer peer that comes
    /// back is used within two seconds, for some 300 bytes a second.
    public var every = Interval.milliseconds(500)

    /// The defaults.
    public init() {}

    /// What `fields` say, and `base` where they say nothing.
    init(_ fields: Fields, over base: ProbePlan) {
        every = fields.value(
            "every", .interval(.milliseconds(50)...(.seconds(600))), or: base.every)
        fields.finish()
    }
}

/// When calls go to the next group of peers because too few of a group are well.
public struct SpillPlan: Hashable, Sendable {
    /// How much more than its share a healthy peer may take, in percent of it, 100 to 1000. A
    /// group keeps min(100 %, healthy × this) of the calls. Default 140: groups are sized for the
    /// loss of a quarter.
    public var overprovision = 140
    /// Percent of healthy peers below which health is not believed, 0 (never) to 100. Default 50:
    /// when most seem sick, the one that judges is the more likely cause. It never closes a
    /// breaker, and never overrides a drain.
    public var panicPercent = 50
    /// Peers of a group below which there is no such panic, 1 to 10,000. Default 5: of fewer, a
    /// half says nothing.
    public var panicHosts = 5

    /// The defaults.
    public init() {}

    /// What `fields` say, and `base` where they say nothing.
    init(_ fields: Fields, over base: SpillPlan) {
        overprovision = fields.value(
            "overprovision", .percent(100...1000), or: base.overprovision)
        panicPercent = fields.value("panic", .percent(0...100), or: base.panicPercent)
        panicHosts = fields.value("panic_hosts", .count(1...10_000), or: base.panicHosts)
        fields.finish()
    }
}

/// Which peer is the nearest.
public struct NearestPlan: Hashable, Sendable {
    /// Percent by which another peer must be nearer to take over, 0 to 100. Default 20: round
    /// trips on one path differ by as much, and nobody gains from flapping.
    public var hysteresisPercent = 20
    /// Farther than this a peer is the last resort, 1 ms to 10 s. Default 50 ms: beyond, a
    /// realtime frame's answer comes too late to act on.
    public var far = Interval.milliseconds(50)

    /// The defaults.
    public init() {}

    /// What `fields` say, and `base` where they say nothing.
    init(_ fields: Fields, over base: NearestPlan) {
        hysteresisPercent = fields.value(
            "hysteresis", .percent(0...100), or: base.hysteresisPercent)
        far = fields.value(
            "far", .interval(.milliseconds(1)...(.seconds(10))), or: base.far)
        fields.finish()
    }
}
