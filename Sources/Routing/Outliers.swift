public import Ground

/// Finds the hosts of a pool that do worse than their fellows, and takes them out for a while
/// (gRPC's outlier detection, A50).
///
/// Every interval each host is judged by its calls of that interval: by its success rate against
/// the mean of all hosts, and by its failures alone. One ejected stays out for `base` × the number
/// of its ejections, at most `longest`; the number falls by one with each interval in.
public struct Outliers: Sendable {
    /// The numbers behind ejection.
    public struct Settings: Hashable, Sendable {
        public var interval = Interval.seconds(10)
        public var base = Interval.seconds(30)
        public var longest = Interval.seconds(300)
        /// Percent of hosts that may be out at once; one always may. More, and the rest drowns.
        public var mostPercent = 10
        /// Fewer hosts than these have no mean worth the name.
        public var leastHosts = 5
        /// Standard deviations below the mean, in thousandths.
        public var deviations = 1900
        /// Calls in the interval for a host's success rate to count.
        public var leastCalls = 100
        /// Percent of failures that eject, whatever the others do.
        public var failurePercent = 85
        /// Calls in the interval for that.
        public var leastFailureCalls = 50

        public init() {}
    }

    private struct Host: Sendable {
        var successes = 0
        var failures = 0
        var ejections = 0
        var until: Instant?

        var calls: Int { successes + failures }
        var rate: Double { Double(successes) / Double(max(1, calls)) }
    }

    private(set) var settings: Settings
    private var hosts: [Host]
    private var next: Instant

    public init(_ settings: Settings = Settings(), hosts: Int, now: Instant) {
        self.settings = settings
        self.hosts = Array(repeating: Host(), count: hosts)
        next = now + settings.interval
    }

    /// Whether a host is out.
    public func isEjected(_ host: Int) -> Bool { hosts[host].until != nil }

    /// Hosts that are out.
    public var ejected: Int { hosts.count { $0.until != nil } }

    /// How many hosts of `count` may be out at once.
    public func most(of count: Int) -> Int { max(1, count * settings.mostPercent / 100) }

    mutating func configure(_ settings: Settings, hosts count: Int) {
        self.settings = settings
        while hosts.count < count { hosts.append(Host()) }
    }

    /// Takes the word of the shard that judges.
    mutating func follow(_ host: Int, isOut: Bool) {
        hosts[host].until = isOut ? .distantFuture : nil
    }

    mutating func record(_ host: Int, success: Bool) {
        if success { hosts[host].successes += 1 } else { hosts[host].failures += 1 }
    }

    /// Lets hosts back whose time is over, and judges `pools`, lists of hosts that do the same
    /// work, at the end of each interval. Calls `changed` for each host that goes out or comes
    /// back.
    mutating func tick(now: Instant, pools: [[Int]], changed: (Int, Bool) -> Void) {
        for host in hosts.indices {
            guard let until = hosts[host].until, now >= until else { continue }
            hosts[host].until = nil
            changed(host, false)
        }
        guard now >= next else { return }
        next = now + settings.interval
        for pool in pools where pool.count >= settings.leastHosts {
            judge(pool, now: now, changed: changed)
        }
        for host in hosts.indices {
            hosts[host].successes = 0
            hosts[host].failures = 0
            if hosts[host].until == nil, hosts[host].ejections > 0 { hosts[host].ejections -= 1 }
        }
    }

    /// Up to this moment a tick changes nothing.
    var idleUntil: Instant {
        hosts.reduce(next) { moment, host in host.until.map { min($0, moment) } ?? moment }
    }

    private mutating func judge(_ pool: [Int], now: Instant, changed: (Int, Bool) -> Void) {
        let threshold = threshold(of: pool)
        for host in pool where hosts[host].until == nil {
            guard pool.count(where: { hosts[$0].until != nil }) < most(of: pool.count) else {
                return
            }
            guard isOutlier(hosts[host], threshold: threshold) else { continue }
            hosts[host].ejections += 1
            let time = settings.base.nanoseconds * Int64(hosts[host].ejections)
            let most = max(settings.base, settings.longest).nanoseconds
            hosts[host].until = now + Interval(nanoseconds: min(time, most))
            changed(host, true)
        }
    }

    private func isOutlier(_ host: Host, threshold: Double?) -> Bool {
        if let threshold, host.calls >= settings.leastCalls, host.rate < threshold { return true }
        return host.calls >= settings.leastFailureCalls
            && host.failures * 100 > host.calls * settings.failurePercent
    }

    /// The success rate below which a host is out; `nil` when too few hosts had calls enough.
    private func threshold(of pool: [Int]) -> Double? {
        let busy = pool.filter { hosts[$0].calls >= settings.leastCalls }
        guard busy.count >= settings.leastHosts else { return nil }
        var sum = 0.0
        for host in busy { sum += hosts[host].rate }
        let mean = sum / Double(busy.count)
        var squares = 0.0
        for host in busy {
            let difference = hosts[host].rate - mean
            squares += difference * difference
        }
        let deviation = (squares / Double(busy.count)).squareRoot()
        return mean - deviation * Double(settings.deviations) / 1000
    }
}
