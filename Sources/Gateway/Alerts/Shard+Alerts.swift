import Alerts
import Ground
import Inference
import Routing
import Wire

extension Shard {
    /// Tells those whom the task's alert goes to.
    func alert(_ frame: Frame, _ confidence: Confidence) {
        let task = tasks[frame.task]
        metrics.alerted(task: frame.task)
        guard let alerts, let threshold = task.alertFrom else { return }
        var detection = Detection(
            task: task.name, label: "", confidence: confidence.value, threshold: threshold,
            stream: frame.options.stream, sequence: frame.options.sequence,
            capturedAt: frame.options.capturedAt.map(\.json))
        // An alert comes of the first answer that reaches the threshold: a peer's only when there
        // is one, since the model here is heard before anybody is asked.
        if let upstream = frame.upstream {
            detection.label = task.alertScore(of: upstream)?.label ?? ""
            detection.seenBy = upstream.parameters.string("canopy.node") ?? peers[frame.peer].name
            detection.bundle = upstream.parameters.string("canopy.bundle")
        } else if let outcome = frame.outcome {
            detection.label = task.alertScore(of: outcome)?.label ?? ""
            detection.seenBy = names.name
            detection.bundle = frame.model?.bundle
        }
        alerts.detected(detection, task: frame.task, since: frame.arrivedAt)
    }

    /// Tells whoever looks at this node that something changed.
    func noted(_ change: Change) {
        metrics.noted(change)
        changes?.note(change, peers: peers, known: knownPeers, tasks: tasks, now: time.now)
        switch change {
        case .breaker(let peer, let state):
            // Half-open is still not closed: nobody knows yet whether the peer is back.
            if state != .halfOpen { alerts?.set("breaker-open", peers[peer].name, state == .open) }
        case .ejected(let peer, let isOut): alerts?.set("peer-ejected", peers[peer].name, isOut)
        case .well(let peer, let isWell): alerts?.set("peer-silent", peers[peer].name, !isWell)
        case .panic(let task, let isOn): alerts?.set("panic", tasks[task].name, isOn)
        case .shed(let task, _): noteShedding(task)
        }
    }

    /// Tells of engines that ended or got stuck, and of those that answer again. Called every tick.
    func noteEngines() {
        for index in tasks.indices {
            let isLost = tasks[index].model.map { !$0.answers(now: time.now) } ?? false
            guard isLost != tasks[index].isLossNoted else { continue }
            tasks[index].isLossNoted = isLost
            alerts?.set("engine-lost", tasks[index].name, isLost)
        }
    }

    /// A loop under load sheds thousands of frames a second; the hysteresis needs one word of it.
    private func noteShedding(_ task: Int) {
        guard tasks[task].noteShedding(now: time.now) else { return }
        alerts?.happened("shedding", tasks[task].name)
    }
}

extension TaskRuntime {
    /// How often shedding is told at most.
    static let sheddingPause = Interval.seconds(1)

    /// Whether that a frame is shed should be told.
    func noteShedding(now: Instant) -> Bool {
        if let last = shedNotedAt, now - last < Self.sheddingPause { return false }
        shedNotedAt = now
        return true
    }
}

extension Parameters.Value {
    fileprivate var json: JSON {
        switch self {
        case .bool(let value): .bool(value)
        case .int64(let value): .integer(Int(value))
        case .uint64(let value): Int(exactly: value).map { .integer($0) } ?? .string("\(value)")
        // JSON has no infinities.
        case .double(let value): value.isFinite ? .real(value) : .string("\(value)")
        case .string(let value): .string(value)
        }
    }
}
