internal import Ground
internal import Routing
internal import Topology

extension Policy {
    /// The numbers that a topology states, with its defaults. What is for the whole node and needs
    /// no lending is split: retries that are always allowed, and places for frames.
    init(_ plan: RoutingPlan, _ tier: Tier, _ place: ShardPlace) {
        var retries = RetryBudget.Settings(floor: place.part(of: plan.retries.floor(tier)))
        retries.percent = plan.retries.percent
        self.init(retries: retries)
        breaker = CircuitBreaker.Settings(plan.breaker)
        outliers = Outliers.Settings(plan.outliers)
        hedgePercent = plan.hedge.quantile
        probe = plan.probe.every
        overprovision = plan.spill.overprovision
        panicPercent = plan.spill.panicPercent
        panicHosts = plan.spill.panicHosts
        nearest.hysteresis = plan.nearest.hysteresisPercent
        nearest.far = plan.nearest.far
        admission = Admission.Settings(plan.admission)
        admission.mostPlaces = max(1, place.part(of: admission.mostPlaces))
    }
}

extension CircuitBreaker.Settings {
    init(_ plan: BreakerPlan) {
        self.init()
        consecutiveFailures = plan.consecutiveFailures
        failurePercent = plan.failurePercent
        minimumCalls = plan.minimumCalls
        halfOpenSuccesses = plan.halfOpenSuccesses
        openTime = plan.openTime
        longestOpenTime = plan.longestOpen
        cleanPeriod = plan.cleanPeriod
    }
}

extension Outliers.Settings {
    init(_ plan: OutlierPlan) {
        self.init()
        interval = plan.interval
        base = plan.base
        longest = plan.longest
        mostPercent = plan.ejectedPercent
        leastHosts = plan.minimumHosts
        deviations = Int(plan.deviations * 1000)
        leastCalls = plan.minimumRequests
        failurePercent = plan.failurePercent
        leastFailureCalls = plan.failureMinimum
    }
}

extension Admission.Settings {
    init(_ plan: AdmissionPlan) {
        self.init()
        shares.realtime = plan.shares.realtime
        shares.standard = plan.shares.standard
        shares.batch = plan.shares.batch
        shares.sync = plan.shares.sync
        mostPlaces = plan.places
    }
}
