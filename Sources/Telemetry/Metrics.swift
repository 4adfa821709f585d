public import Ground
internal import Synchronization

/// A number that only grows. The handle is an index: using it costs a bounds check and an addition.
public struct Counter: Sendable, Equatable { let index: Int }

/// A number that is set.
public struct Gauge: Sendable, Equatable { let index: Int }

/// A distribution.
public struct Distribution: Sendable, Equatable { let index: Int }

/// Every series that a node has. Names and labels are registered once; the numbers live in shards,
/// one for each loop.
///
/// Registering what is registered gives the same handle again, so each loop may register for
/// itself.
public final class Metrics: Sendable {
    /// Series at most: labels come from the topology, never from clients, and 4,096 series are 100
    /// tasks with 40 each.
    public static let seriesLimit = 4096

    struct Family: Sendable {
        var name: String
        var help: String
        var kind: MetricKind
        var unit: MetricUnit
        /// Labels of each series and its index among all of its kind.
        var series: [(labels: [MetricLabel], index: Int)] = []
    }

    private struct Series: Hashable {
        var name: String
        var labels: [MetricLabel]
    }

    private struct State {
        var families: [String: Family] = [:]
        var indices: [Series: Int] = [:]
        var counts: [MetricKind: Int] = [:]
    }

    private let state = Mutex(State())

    public init() {}

    /// Registers a counter; its name ends in `_total`.
    public func counter(
        _ name: String, _ help: String, unit: MetricUnit = .items, labels: [MetricLabel] = []
    ) throws(Fault) -> Counter {
        Counter(index: try register(name, help, .counter, unit, labels))
    }

    /// Registers a gauge. What several shards set is added up.
    public func gauge(
        _ name: String, _ help: String, unit: MetricUnit = .items, labels: [MetricLabel] = []
    ) throws(Fault) -> Gauge {
        Gauge(index: try register(name, help, .gauge, unit, labels))
    }

    /// Registers a distribution: written as a summary with quantiles, sum and count.
    public func distribution(
        _ name: String, _ help: String, unit: MetricUnit, labels: [MetricLabel] = []
    ) throws(Fault) -> Distribution {
        Distribution(index: try register(name, help, .sketch, unit, labels))
    }

    /// Every counter's sum over its labels, by name.
    public func totals(_ values: MetricValues) -> [(name: String, count: UInt64)] {
        families.filter { $0.kind == .counter }.map { family in
            (family.name, family.series.reduce(0) { $0 &+ values[Counter(index: $1.index)] })
        }
    }

    /// Every family, by name.
    var families: [Family] {
        state.withLock { $0.families.values.sorted { $0.name < $1.name } }
    }

    private func register(
        _ name: String, _ help: String, _ kind: MetricKind, _ unit: MetricUnit,
        _ labels: [MetricLabel]
    ) throws(Fault) -> Int {
        try checkName(name, kind, unit)
        try checkLabels(labels, of: name, kind)
        let result = state.withLock { state -> Result<Int, Fault> in
            if let family = state.families[name], family.kind != kind || family.unit != unit {
                return .failure(
                    Fault(
                        .invalid,
                        "'\(name)' is registered as \(family.kind) in \(family.unit), and now as"
                            + " \(kind) in \(unit)"))
            }
            let series = Series(name: name, labels: labels)
            if let known = state.indices[series] { return .success(known) }
            guard state.indices.count < Self.seriesLimit else {
                return .failure(
                    Fault(.exhausted, "'\(name)' would be series \(Self.seriesLimit + 1)"))
            }
            let index = state.counts[kind, default: 0]
            state.counts[kind] = index + 1
            state.indices[series] = index
            let empty = Family(name: name, help: help, kind: kind, unit: unit)
            state.families[name, default: empty].series.append((labels, index))
            return .success(index)
        }
        return try result.get()
    }
}

/// The numbers of one loop. All calls are on that loop; nothing is locked.
public final class MetricShard {
    /// Every frame counts some numbers, on one loop and never one within another.
    @exclusivity(unchecked) private var values = MetricValues()

    public init() {}

    /// Adds `amount` to a counter.
    @inline(__always)
    public func add(_ counter: Counter, _ amount: UInt64 = 1) {
        if counter.index >= values.counters.count { growCounters(counter.index) }
        values.counters[counter.index] &+= amount
    }

    /// Sets a gauge.
    public func set(_ gauge: Gauge, _ value: Double) {
        while gauge.index >= values.gauges.count { values.gauges.append(0) }
        values.gauges[gauge.index] = value
    }

    /// Counts a value: nanoseconds, bytes, millionths or things, as the distribution's unit says.
    public func insert(_ distribution: Distribution, _ value: UInt64) {
        while distribution.index >= values.sketches.count { values.sketches.append(Sketch()) }
        values.sketches[distribution.index].insert(value)
    }

    /// Counts a length of time; a negative one counts as none.
    public func insert(_ distribution: Distribution, _ interval: Interval) {
        insert(distribution, UInt64(clamping: interval.nanoseconds))
    }

    /// A copy of all numbers, to be carried to another thread.
    public func snapshot() -> MetricValues { values }

    private func growCounters(_ index: Int) {
        while index >= values.counters.count { values.counters.append(0) }
    }
}

/// The numbers of one shard, or of several added up.
public struct MetricValues: Sendable {
    var counters: [UInt64] = []
    var gauges: [Double] = []
    var sketches: [Sketch] = []

    public init() {}

    /// Adds the numbers of another shard.
    public mutating func merge(_ other: MetricValues) {
        while counters.count < other.counters.count { counters.append(0) }
        for (index, value) in other.counters.enumerated() { counters[index] &+= value }
        while gauges.count < other.gauges.count { gauges.append(0) }
        for (index, value) in other.gauges.enumerated() { gauges[index] += value }
        while sketches.count < other.sketches.count { sketches.append(Sketch()) }
        for (index, sketch) in other.sketches.enumerated() { sketches[index].merge(sketch) }
    }

    /// A counter's value.
    public subscript(counter: Counter) -> UInt64 {
        counter.index < counters.count ? counters[counter.index] : 0
    }

    /// A gauge's value.
    public subscript(gauge: Gauge) -> Double {
        gauge.index < gauges.count ? gauges[gauge.index] : 0
    }

    /// A distribution's sketch.
    public subscript(distribution: Distribution) -> Sketch {
        distribution.index < sketches.count ? sketches[distribution.index] : Sketch()
    }
}
