public import Ground

/// The numbers by which a node decides where frames go. Each has its default and stands in the
/// topology.
public struct Policy: Hashable, Sendable {
    public var breaker = CircuitBreaker.Settings()
    public var outliers = Outliers.Settings()
    public var retries: RetryBudget.Settings
    /// The rolling quantile of latencies, in percent, after which a second peer is asked; `nil`
    /// asks none.
    public var hedgePercent: Int? = 95
    /// How often a peer that is compared with others is probed; `nil` probes none. 500 ms: a change
    /// of distance is seen four times before 2 s have passed.
    public var probe: Interval? = .milliseconds(500)
    /// A tier's share is its healthy hosts times this, in percent: 140 gives all its frames to a
    /// tier of which five in seven are well.
    public var overprovision = 140
    /// Below this percentage of healthy hosts the last tier is used as if all were.
    public var panicPercent = 50
    /// Fewer hosts do not panic: one of three is not a wrong measurement.
    public var panicHosts = 5
    public var nearest = NearestNodeSettings()
    public var admission = Admission.Settings()

    public init(retries: RetryBudget.Settings) { self.retries = retries }
}

/// The bounds of choosing a nearest node, which are the same for every kind of node.
public struct NearestNodeSettings: Hashable, Sendable {
    /// Percent by which another must be nearer to take home's place.
    public var hysteresis = 20
    /// Farther than this a node is the last resort: the answer would miss a realtime frame's 50 ms.
    public var far = Interval.milliseconds(50)
    /// Round trips on one LAN differ by this much from call to call: less is no difference.
    public var noise = Interval.milliseconds(1)

    public init() {}

    /// The hysteresis at a distance, or the noise where that is more.
    func margin(of distance: Interval) -> Interval {
        max(Interval(nanoseconds: distance.nanoseconds / 100 * Int64(hysteresis)), noise)
    }
}
