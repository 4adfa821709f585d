/// The numbers by which a node finds its way: whom it calls, when it stops calling, whom it lets
/// wait. Each has a default; the topology's `routing` changes them for all nodes, a node's own
/// `routing` for that node, setting by setting.
public struct RoutingPlan: Hashable, Sendable {
    public var breaker = BreakerPlan()
    public var outliers = OutlierPlan()
    public var retries = RetryPlan()
    public var hedge = HedgePlan()
    public var probe = ProbePlan()
    public var spill = SpillPlan()
    public var nearest = NearestPlan()
    public var admission = AdmissionPlan()

    /// The defaults.
    public init() {}

    /// What `fields` say, and `base` where they say nothing.
    init(_ fields: Fields, over base: RoutingPlan) {
        breaker = BreakerPlan(fields.fields("breaker"), over: base.breaker)
        outliers = OutlierPlan(fields.fields("outliers"), over: base.outliers)
        retries = RetryPlan(fields.fields("retries"), over: base.retries)
        hedge = HedgePlan(fields, over: base.hedge)
        probe = ProbePlan(fields.fields("probe"), over: base.probe)
        spill = SpillPlan(fields.fields("spill"), over: base.spill)
        nearest = NearestPlan(fields.fields("nearest"), over: base.nearest)
        admission = AdmissionPlan(fields.fields("admission"), over: base.admission)
        fields.finish()
    }
}
