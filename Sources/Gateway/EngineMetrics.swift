import Ground
import Inference
import Telemetry

/// What a task's engine shows of itself.
struct EngineMetrics: Sendable {
    let isUp: Gauge
    let workers: Gauge
    let restarts: Counter
    let copiedBytes: Counter

    init(_ task: String, _ registry: Metrics) throws(Fault) {
        let labels = [MetricLabel("task", task)]
        isUp = try registry.gauge(
            "canopy_engine_up", "1 while the task's model answers, 0 while its engine is gone.",
            labels: labels)
        workers = try registry.gauge(
            "canopy_engine_workers", "Workers that there are now for the task's engine.",
            labels: labels)
        restarts = try registry.counter(
            "canopy_engine_restarts_total", "Isolated engines that were started again.",
            labels: labels)
        copiedBytes = try registry.counter(
            "canopy_engine_copied_bytes_total",
            "Bytes of frames that were copied on their way to an isolated engine.", unit: .bytes,
            labels: labels)
    }
}

extension ShardMetrics {
    /// Numbers of the tasks' engines, which one shard states for all.
    func setEngines(of shard: Shard) {
        for (index, task) in shard.tasks.enumerated() {
            guard let model = task.model?.model else { continue }
            set(engine: index, model.counters, isUp: model.condition == .serving)
        }
    }
}
