import Ground
import Synchronization
import Telemetry
import Wire

/// Where a node's spool is found, once it is open. From any thread.
final class SpoolPlace: Sendable {
    private let place = Mutex<SpoolLink?>(nil)

    var link: SpoolLink? {
        get { place.withLock { $0 } }
        set { place.withLock { $0 = newValue } }
    }
}

/// The series of a node's spool.
struct SpoolMetrics: Sendable {
    struct Queue: Sendable {
        let records: Gauge
        let bytes: Gauge
        let dropped: Counter
    }

    let queues: [(OwedQueue, Queue)]
    let refused: Counter
    let batches: Counter
    let records: Counter
    let failures: Counter
    let sentBytes: Counter
    let settled: Counter
    let away: Gauge

    init(_ registry: Metrics) throws(Fault) {
        var queues: [(OwedQueue, Queue)] = []
        for queue in OwedQueue.allCases {
            let label = [MetricLabel("queue", queue.name)]
            queues.append(
                (
                    queue,
                    Queue(
                        records: try registry.gauge(
                            "canopy_spool_records", "Records that are owed to the node above.",
                            labels: label),
                        bytes: try registry.gauge(
                            "canopy_spool_bytes", "Bytes of disk that they take.", unit: .bytes,
                            labels: label),
                        dropped: try registry.counter(
                            "canopy_spool_dropped_total",
                            "Records dropped for want of room, or damaged; each is in a gap.",
                            labels: label))
                ))
        }
        self.queues = queues
        refused = try registry.counter(
            "canopy_spool_refused_total",
            "Records not taken because too many waited for the disk.")
        batches = try registry.counter(
            "canopy_uploads_total", "Batches sent to the node above, those sent again included.")
        records = try registry.counter(
            "canopy_uploaded_records_total", "Records in them, gaps included.")
        failures = try registry.counter(
            "canopy_upload_failures_total", "Reports and batches that came to nothing.")
        sentBytes = try registry.counter(
            "canopy_upload_bytes_total", "Bytes of batches as they were sent.", unit: .bytes)
        settled = try registry.counter(
            "canopy_settled_total", "Owed frames whose answer has come.")
        away = try registry.gauge(
            "canopy_hub_away", "1 while the node above does not take what is owed.")
    }
}

extension ShardMetrics {
    /// What was counted at the last look.
    struct SpoolSeen {
        var dropped: [OwedQueue: UInt64] = [:]
        var refused = 0
        var uploads = SpoolNumbers.Uploads()
    }
}
