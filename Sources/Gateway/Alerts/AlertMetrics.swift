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

    private let sinks: [Sink]
    private let operators: Counter
    private let shard = MetricShard()
    private var seen: [Outbox.Counts]

    /// - Parameter names: of the sinks, in the order of the desk's channels.
    init(_ registry: Metrics, sinks names: [String]) throws(Fault) {
        var sinks: [Sink] = []
        for name in names { sinks.append(try Sink(name, registry)) }
        self.sinks = sinks
        seen = names.map { _ in Outbox.Counts() }
        operators = try registry.counter(
            "canopy_operator_alerts_total", "Conditions of the node that were raised or cleared.")
    }

    /// A detection has arrived, so long after its frame was received.
    func delivered(sink: Int, after: Interval) { shard.insert(sinks[sink].latency, after) }

    func operatorAlert() { shard.add(operators) }

    /// Takes in what the channels counted since the last time, and gives all numbers.
    func collect(_ channels: [Channel]) -> MetricValues {
        for (index, channel) in channels.enumerated() {
            let sink = sinks[index]
            for (counter, value) in sink.outcomes {
                let more = value(channel.counts) - value(seen[index])
                shard.add(counter, UInt64(max(0, more)))
            }
            seen[index] = channel.counts
            shard.set(sink.queue, Double(channel.depth))
        }
        return shard.snapshot()
    }
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
