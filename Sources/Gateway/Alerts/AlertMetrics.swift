import Alerts
import Ground
import Telemetry

/// The numbers of a node's alerts. Confined to the desk's loop.
final class AlertMetrics {
    struct Sink {
        let outcomes: [(counter: Counter, value: (Outbox.Counts) -> Int)]
        let queue: Gauge
        let latency: Distribution
    }

    private let registry: Metrics
    private let operators: Counter
    private let shard = MetricShard()
    private var sinks: [String: Sink] = [:]

    init(_ registry: Metrics) throws(Fault) {
        self.registry = registry
        operators = try registry.counter(
            "canopy_operator_alerts_total", "Conditions of the node that were raised or cleared.")
    }

    /// Makes room for the numbers of a sink; again changes nothing.
    func register(_ name: String) throws(Fault) {
        if sinks[name] == nil { sinks[name] = try Sink(name, registry) }
    }

    /// A detection has arrived, so long after its frame was received.
    func delivered(sink name: String, after: Interval) {
        if let sink = sinks[name] { shard.insert(sink.latency, after) }
    }

    func operatorAlert() { shard.add(operators) }

    /// Takes in what a channel has counted between two looks at it.
    func count(_ channel: Channel, since seen: Outbox.Counts) {
        guard let sink = sinks[channel.name] else { return }
        for (counter, value) in sink.outcomes {
            shard.add(counter, UInt64(max(0, value(channel.counts) - value(seen))))
        }
        shard.set(sink.queue, Double(channel.depth))
    }

    func snapshot() -> MetricValues { shard.snapshot() }
}

extension AlertMetrics.Sink {
    fileprivate init(_ name: String, _ registry: Metrics) throws(Fault) {
        let label = MetricLabel("sink", name)
        func outcome(_ word: String) throws(Fault) -> Counter {
            try registry.counter(
                "canopy_alert_outcomes_total", "Alerts to a sink, by what became of them.",
                labels: [label, MetricLabel("outcome", word)])
        }
        outcomes = [
            (try outcome("delivered"), \.delivered), (try outcome("dropped"), \.dropped),
            (try outcome("refused"), \.refused),
            (
                try registry.counter(
                    "canopy_alert_retries_total", "Alerts sent to a sink once more.",
                    labels: [label]), \.retried
            ),
        ]
        queue = try registry.gauge(
            "canopy_alerts_waiting", "Alerts that a sink has not taken yet.", labels: [label])
        latency = try registry.distribution(
            "canopy_alert_seconds", "Time from a frame's arrival to the delivery of its alert.",
            unit: .seconds, labels: [label])
    }
}
