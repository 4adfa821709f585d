public import Ground

/// When a node stops calling a peer that fails, and how it finds out that the peer is well again.
public struct BreakerPlan: Hashable, Sendable {
    /// Failures in a row that open the breaker, 1 to 1000. Default 5: five leave little doubt, and
    /// one lost packet is not among them.
    public var consecutiveFailures = 5
    /// Percent of the calls of the last 10 s whose failing opens it, 1 to 100. Default 50: half is
    /// worse than any peer that is just busy.
    public var failurePercent = 50
    /// Calls in those 10 s below which a share says nothing, 1 to 100,000. Default 20: the 95 %
    /// interval of a half is then ± 22 points, clear of a peer that fails now and then.
    public var minimumCalls = 20
    /// The first time that it stays open, 10 ms to 1 h; doubled each time that a trial call fails.
    /// Default 1 s: a restart on the same machine takes less.
    public var openTime = Interval.seconds(1)
    /// The longest time that it stays open, 10 ms to 24 h. Default 60 s: a peer that is back is
    /// found within about a minute.
    public var longestOpen = Interval.seconds(60)
    /// Trial calls in a row that must succeed before it closes, 1 to 100. Default 1: what they let
    /// through next is still watched by the rules above.
    public var halfOpenSuccesses = 1
    /// How long without a failure halves the next time open, 100 ms to 1 h. Default 10 s: the
    /// length of the window that is judged.
    public var cleanPeriod = Interval.seconds(10)

    /// The defaults.
    public init() {}

    /// What `fields` say, and `base` where they say nothing.
    init(_ fields: Fields, over base: BreakerPlan) {
        let open = Interval.milliseconds(10)...(.seconds(3600))
        consecutiveFailures = fields.value(
            "consecutive_failures", .count(1...1000), or: base.consecutiveFailures)
        failurePercent = fields.value("failures", .percent(1...100), or: base.failurePercent)
        minimumCalls = fields.value("minimum_calls", .count(1...100_000), or: base.minimumCalls)
        openTime = fields.value("open_time", .interval(open), or: base.openTime)
        longestOpen = fields.value(
            "longest_open", .interval(.milliseconds(10)...(.seconds(86_400))),
            or: base.longestOpen)
        halfOpenSuccesses = fields.value(
            "half_open_successes", .count(1...100), or: base.halfOpenSuccesses)
        cleanPeriod = fields.value(
            "clean_period", .interval(.milliseconds(100)...(.seconds(3600))),
            or: base.cleanPeriod)
        fields.finish()
        fields.checkOrder(("open_time", openTime), notAbove: ("longest_open", longestOpen))
    }
}

/// When a peer that does markedly worse than its like is left out for a while (gRPC's proposal
/// A50). It needs several peers of one kind to compare.
public struct OutlierPlan: Hashable, Sendable {
    /// How often peers are compared, 1 s to 10 min. Default 10 s, as in A50.
    public var interval = Interval.seconds(10)
    /// How long a peer is left out the first time, 1 s to 1 h; times the count of its ejections
    /// after that. Default 30 s, as in A50.
    public var base = Interval.seconds(30)
    /// The longest that it is left out, 1 s to 24 h. Default 300 s, as in A50.
    public var longest = Interval.seconds(300)
    /// Percent of the peers that may be left out at a time, at least one peer; 1 to 100. Default
    /// 10, as in A50: a fleet that is sick as a whole is not cured by calling fewer.
    public var ejectedPercent = 10
    /// Peers below which nobody is compared, 2 to 10,000. Default 5, as in A50.
    public var minimumHosts = 5
    /// Standard deviations below the mean success rate that make an outlier, 0.1 to 10. Default
    /// 1.9, as in A50.
    public var deviations = 1.9
    /// Calls in one interval below which a peer's success rate says nothing, 1 to 1,000,000.
    /// Default 100, as in A50.
    public var minimumRequests = 100
    /// Percent of failures above which a peer is left out whatever the others do, 1 to 100.
    /// Default 85, as in A50.
    public var failurePercent = 85
    /// Calls in one interval below which that percentage says nothing, 1 to 1,000,000. Default 50,
    /// as in A50.
    public var failureMinimum = 50

    /// The defaults.
    public init() {}

    /// What `fields` say, and `base` where they say nothing.
    init(_ fields: Fields, over plan: OutlierPlan) {
        let second = Interval.seconds(1)
        interval = fields.value("interval", .interval(second...(.seconds(600))), or: plan.interval)
        base = fields.value("base", .interval(second...(.seconds(3600))), or: plan.base)
        longest = fields.value("longest", .interval(second...(.seconds(86_400))), or: plan.longest)
        ejectedPercent = fields.value("ejected", .percent(1...100), or: plan.ejectedPercent)
        minimumHosts = fields.value("minimum_hosts", .count(2...10_000), or: plan.minimumHosts)
        deviations = fields.value("deviations", .decimal(0.1...10), or: plan.deviations)
        minimumRequests = fields.value(
            "minimum_requests", .count(1...1_000_000), or: plan.minimumRequests)
        failurePercent = fields.value("failures", .percent(1...100), or: plan.failurePercent)
        failureMinimum = fields.value(
            "failure_minimum", .count(1...1_000_000), or: plan.failureMinimum)
        fields.finish()
        fields.checkOrder(("base", base), notAbove: ("longest", longest))
    }
}

extension Fields {
    /// Reports when one time is longer than another that bounds it, unless neither is given here:
    /// then the place that gave them has said so.
    func checkOrder(_ less: (String, Interval), notAbove more: (String, Interval)) {
        guard less.1 > more.1, has(less.0) || has(more.0) else { return }
        func shown(_ time: Interval) -> String {
            Units.text(Int(time.nanoseconds), Units.nanoseconds)
        }
        report.add(
            place(of: has(less.0) ? less.0 : more.0),
            "`\(less.0)` of \(subject) is \(shown(less.1)), longer than its `\(more.0)` of"
                + " \(shown(more.1))", "give a `\(more.0)` of at least \(shown(less.1))")
    }
}
