import Ground
import Node
import Routing
import Telemetry
import Topology

/// The names of a node's numbers. Labels come from the topology, never from clients.
struct NodeMetrics: Sendable {
    /// One task's answers by one tier.
    struct TierMetrics: Sendable {
        let tier: String
        let accepted: Counter
        let unaccepted: Counter
        let latency: Distribution
    }

    /// One task's numbers that are split by who answered or why.
    struct TaskMetrics: Sendable {
        /// Answers, by tier: three, which are found faster by looking than by hashing.
        let tiers: [TierMetrics]
        let degraded: [DegradedReason: Counter]
        let refused: [Refusal: Counter]
        let refined: Distribution
        let queued: Distribution
        let unevenness: Distribution
        let disorder: Counter
        let refusedAfter: Distribution
        let preprocessed: Distribution
        let inferred: Distribution
        let agreed: Counter
        let disagreed: Counter
        let alerts: Counter
        let owed: Counter
        let shed: [WorkClass: Counter]
        /// `nil` for a task without a bundle here.
        let engine: EngineMetrics?
    }

    /// One peer's numbers.
    struct PeerMetrics: Sendable {
        let calls: [Purpose: Counter]
        let bytesIn: Counter
        let bytesOut: Counter
        let connections: Counter
        let failures: Counter
        let handshakes: Counter
        let isOpen: Gauge
        let isLeftOut: Gauge
        let isDraining: Gauge
        let isSilent: Gauge
        let retries: Counter
        let hedges: Counter
        let spills: Counter
        let opened: Counter
        let ejected: Counter
    }

    let registry: Metrics
    let tasks: [TaskMetrics]
    let peers: [PeerMetrics]
    let rejected: [Fault.Code: Counter]
    let bytesIn: Counter
    let bytesOut: Counter
    let accepted: Counter
    let turnedAway: Counter
    let handshakes: Counter
    let calls: Counter
    let certificateExpiry: Gauge
    let frames: Gauge
    let budgetUsed: Gauge
    let resident: Gauge
    let receiptsLost: Counter
    let reloads: [String: Counter]
    let budgetRefused: Counter
    let pauses: Counter
    let draining: Gauge
    let places: Gauge
    let late: Distribution
    /// In the order of `WorkClass.allCases`.
    let held: [Gauge]
    /// `nil` where nothing is kept.
    let spool: SpoolMetrics?

    static let rejections: [Fault.Code] = [
        .invalid, .notFound, .unauthenticated, .forbidden, .exhausted, .deadline, .unavailable,
        .cancelled, .unsupported, .precondition, .corrupt, .inner,
    ]
    static let refusals: [Refusal] = [
        .invalid, .deadline, .overload, .quota, .unavailable, .localOnly,
    ]

    /// - Parameter registry: where the numbers of an earlier topology are; those of the same name
    ///   go on.
    init(_ blueprint: Blueprint, registry: Metrics = Metrics()) throws(Fault) {
        self.registry = registry
        var tasks: [TaskMetrics] = []
        for task in blueprint.tasks { tasks.append(try TaskMetrics(task, registry)) }
        var peers: [PeerMetrics] = []
        for peer in blueprint.peers { peers.append(try PeerMetrics(peer.plan.name, registry)) }
        var rejected: [Fault.Code: Counter] = [:]
        for code in Self.rejections {
            rejected[code] = try registry.counter(
                "canopy_rejected_total", "Requests that were refused before they became frames.",
                labels: [MetricLabel("reason", code.description)])
        }
        self.tasks = tasks
        self.peers = peers
        self.rejected = rejected
        bytesIn = try registry.counter(
            "canopy_received_bytes_total", "Bytes that clients sent, TLS included.", unit: .bytes)
        bytesOut = try registry.counter(
            "canopy_sent_bytes_total", "Bytes that clients were sent, TLS included.", unit: .bytes)
        accepted = try registry.counter(
            "canopy_connections_total", "Connections that clients opened.")
        turnedAway = try registry.counter(
            "canopy_connections_refused_total", "Connections beyond the limit, closed at once.")
        handshakes = try registry.counter(
            "canopy_handshakes_total", "TLS handshakes with clients.")
        calls = try registry.counter("canopy_calls_total", "Calls that clients began.")
        certificateExpiry = try registry.gauge(
            "canopy_certificate_expiry_timestamp_seconds",
            "Time of day until which the node's certificate is valid; 0 without one.",
            unit: .seconds)
        frames = try registry.gauge("canopy_frames_under_way", "Frames that have no last answer.")
        budgetUsed = try registry.gauge(
            "canopy_request_bytes", "Bytes of the byte budget that are in use.", unit: .bytes)
        resident = try registry.gauge(
            "process_resident_memory_bytes", "Resident memory of the node.", unit: .bytes)
        var reloads: [String: Counter] = [:]
        for outcome in ["accepted", "refused", "unchanged"] {
            reloads[outcome] = try registry.counter(
                "canopy_reloads_total", "Times that the topology was read again, by outcome.",
                labels: [MetricLabel("outcome", outcome)])
        }
        self.reloads = reloads
        budgetRefused = try registry.counter(
            "canopy_request_bytes_refused_total",
            "Buffers that the byte budget had no room for, of requests and of answers.")
        pauses = try registry.counter(
            "canopy_reading_pauses_total",
            "Times that a connection was not read from for want of room in the byte budget.")
        draining = try registry.gauge("canopy_draining", "Loops that take no new frames.")
        places = try registry.gauge(
            "canopy_places", "Frames that may be in: places that admission gives at present.")
        late = try registry.distribution(
            "canopy_loop_late_seconds", "How late a loop's timer was: what any event waits.",
            unit: .seconds)
        var held: [Gauge] = []
        for workClass in WorkClass.allCases {
            held.append(
                try registry.gauge(
                    "canopy_frames_held", "Frames that wait for a worker or have one, by class.",
                    labels: [MetricLabel("class", workClass.rawValue)]))
        }
        self.held = held
        spool = blueprint.node.budget.spool == nil ? nil : try SpoolMetrics(registry)
        receiptsLost = try registry.counter(
            "canopy_receipts_lost_total", "Receipts given up before their time, for want of room.")
    }
}

extension NodeMetrics.TaskMetrics {
    init(_ plan: Blueprint.Task, _ registry: Metrics) throws(Fault) {
        let label = MetricLabel("task", plan.name)
        engine = plan.hasBundle ? try EngineMetrics(plan.name, registry) : nil
        var tiers: [NodeMetrics.TierMetrics] = []
        for tier in Tier.allCases.map(\.rawValue) {
            let labels = [label, MetricLabel("tier", tier)]
            func answers(accepted: String) throws(Fault) -> Counter {
                try registry.counter(
                    "canopy_frames_total", "Frames answered, by the tier that answered.",
                    labels: labels + [MetricLabel("accepted", accepted)])
            }
            tiers.append(
                NodeMetrics.TierMetrics(
                    tier: tier, accepted: try answers(accepted: "true"),
                    unaccepted: try answers(accepted: "false"),
                    latency: try registry.distribution(
                        "canopy_frame_seconds", "Time from a frame's arrival to its first answer.",
                        unit: .seconds, labels: labels)))
        }
        var degraded: [DegradedReason: Counter] = [:]
        for reason in DegradedReason.allCases {
            degraded[reason] = try registry.counter(
                "canopy_degraded_total", "Answers that are less than the task wants, by why.",
                labels: [label, MetricLabel("reason", reason.rawValue)])
        }
        var refused: [Refusal: Counter] = [:]
        for refusal in NodeMetrics.refusals {
            refused[refusal] = try registry.counter(
                "canopy_refused_total", "Frames without an answer, by why.",
                labels: [label, MetricLabel("reason", "\(refusal)")])
        }
        func stage(_ name: String, _ help: String) throws(Fault) -> Distribution {
            try registry.distribution(name, help, unit: .seconds, labels: [label])
        }
        self.tiers = tiers
        self.degraded = degraded
        self.refused = refused
        refined = try stage("canopy_refinement_seconds", "Time to the last answer in refine mode.")
        queued = try stage("canopy_queue_seconds", "Time a frame waited for the model.")
        unevenness = try stage(
            "canopy_worker_jitter_seconds",
            "How far the time between two frames of a camera at the worker is from its mean.")
        disorder = try registry.counter(
            "canopy_worker_disorder_total",
            "Frames that a worker began after a later one of the same camera.", labels: [label])
        refusedAfter = try stage(
            "canopy_refusal_seconds", "Time from arrival to refusal, for want of room.")
        preprocessed = try stage("canopy_preprocess_seconds", "Time to decode and prepare.")
        inferred = try stage("canopy_inference_seconds", "Time of the model itself.")
        agreed = try registry.counter(
            "canopy_audits_total", "Accepted answers that a higher tier was asked about.",
            labels: [label, MetricLabel("agreed", "true")])
        disagreed = try registry.counter(
            "canopy_audits_total", "Accepted answers that a higher tier was asked about.",
            labels: [label, MetricLabel("agreed", "false")])
        alerts = try registry.counter(
            "canopy_alerts_total", "Detections that the task alerts of.", labels: [label])
        owed = try registry.counter(
            "canopy_owed_total", "Frames that were handed to the spool.", labels: [label])
        var shed: [WorkClass: Counter] = [:]
        for workClass in WorkClass.allCases {
            shed[workClass] = try registry.counter(
                "canopy_shed_total", "Frames that found no room here, or had to give way.",
                labels: [label, MetricLabel("class", workClass.rawValue)])
        }
        self.shed = shed
    }
}

extension NodeMetrics.PeerMetrics {
    init(_ peer: String, _ registry: Metrics) throws(Fault) {
        let label = MetricLabel("peer", peer)
        func counter(
            _ name: String, _ help: String, unit: MetricUnit = .items, _ more: MetricLabel...
        ) throws(Fault) -> Counter {
            try registry.counter(name, help, unit: unit, labels: [label] + more)
        }
        var calls: [Purpose: Counter] = [:]
        for purpose in [Purpose.forward, .escalation, .audit] {
            calls[purpose] = try counter(
                "canopy_upstream_calls_total", "Calls to a node upstream, by why.",
                MetricLabel("purpose", "\(purpose)"))
        }
        self.calls = calls
        let help = "Bytes exchanged with a node upstream, TLS and handshakes included."
        bytesIn = try counter(
            "canopy_upstream_bytes_total", help, unit: .bytes, MetricLabel("direction", "in"))
        bytesOut = try counter(
            "canopy_upstream_bytes_total", help, unit: .bytes, MetricLabel("direction", "out"))
        connections = try counter(
            "canopy_upstream_connections_total", "Connections opened to a node upstream.")
        failures = try counter(
            "canopy_upstream_connect_failures_total", "Connections that could not be opened.")
        handshakes = try counter(
            "canopy_upstream_handshakes_total", "TLS handshakes with a node upstream.")
        retries = try counter(
            "canopy_retries_total", "Second calls for a frame, after the first had failed.")
        hedges = try counter(
            "canopy_hedges_total", "Second calls for a frame, beside a slow first.")
        spills = try counter(
            "canopy_spills_total", "Calls past a tier that had no share left for the frame.")
        opened = try counter("canopy_breaker_opened_total", "Times that the breaker opened.")
        ejected = try counter(
            "canopy_ejections_total", "Times that a peer was left out, worse than its fellows.")
        isOpen = try registry.gauge(
            "canopy_breaker_open", "Loops whose circuit breaker to this peer is not closed.",
            labels: [label])
        isLeftOut = try registry.gauge(
            "canopy_peer_ejected", "Loops that leave the peer out for doing worse than others.",
            labels: [label])
        isSilent = try registry.gauge(
            "canopy_peer_silent", "Loops whose probes the peer does not answer.", labels: [label])
        isDraining = try registry.gauge(
            "canopy_peer_draining", "Loops that the peer has told that it takes no new frames.",
            labels: [label])
    }
}
