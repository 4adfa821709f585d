import Alerts
import Ground
import Telemetry

/// The numbers of a node's alerts. Confined to the desk's loop.
final class AlertMetrics {
    /// The series of one sink. Making them again gives the same ones.
    struct Sink: Sendable {
        let delivered: Counter
        let dropped: Counter
        let refused: Counter
        let retried: Counter
        let queue: Gauge
        let latency: Distribution
    }

    private let operators: Counter
    private let emitted: Distribution
    private let shard = MetricShard()

    init(_ registry: Metrics) throws(Fault) {
        operators = try registry.counter(
            "canopy_operator_alerts_total", "Conditions of the node that were raised or cleared.")
        emitted = try registry.distribution(
            "canopy_alert_emission_seconds", "Time from a frame's arrival until its alert leaves.",
            unit: .seconds)
    }

    /// A detection is handed to its sinks, so long after its frame was received.
    func emitted(after: Interval) { shard.insert(emitted, after) }

    /// A detection has arrived, so long after its frame was received.
    func delivered(to sink: Sink, after: Interval) { shard.insert(sink.latency, after) }

    func operatorAlert() { shard.add(operators) }

    /// Takes in what a channel has counted between two looks at it.
    func count(_ channel: Channel, as sink: Sink, since seen: Outbox.Counts) {
        let now = channel.counts
        shard.add(sink.delivered, UInt64(now.delivered - seen.delivered))
        shard.add(sink.dropped, UInt64(now.dropped - seen.dropped))
        shard.add(sink.refused, UInt64(now.refused - seen.refused))
        shard.add(sink.retried, UInt64(now.retried - seen.retried))
        shard.set(sink.queue, Double(channel.depth))
    }

    func snapshot() -> MetricValues { shard.snapshot() }
}

extension AlertMetrics.Sink {
    init(_ name: String, _ registry: Metrics) throws(Fault) {
        let label = MetricLabel("sink", name)
        func outcome(_ word: String) throws(Fault) -> Counter {
            try registry.counter(
                "canopy_alert_outcomes_total", "Alerts to a sink, by what became of them.",
                labels: [label, MetricLabel("outcome", word)])
        }
        delivered = try outcome("delivered")
        dropped = try outcome("dropped")
        refused = try outcome("refused")
        retried = try registry.counter(
            "canopy_alert_retries_total", "Alerts sent to a sink once more.", labels: [label])
        queue = try registry.gauge(
            "canopy_alerts_waiting", "Alerts that a sink has not taken yet.", labels: [label])
        latency = try registry.distribution(
            "canopy_alert_seconds", "Time from a frame's arrival to the delivery of its alert.",
            unit: .seconds, labels: [label])
    }
}
