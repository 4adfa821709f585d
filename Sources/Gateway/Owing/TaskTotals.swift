import Ground
import Routing
import Telemetry
import Wire

/// What a node has counted of one task since it began.
struct TaskTotals: Sendable {
    let task: String
    /// From a frame's arrival to its first answer, in nanoseconds.
    var latency = Sketch()
    /// By name, in a fixed order.
    var counts: [NamedCount]

    /// Adds what another loop has counted.
    mutating func add(_ other: TaskTotals) {
        latency.merge(other.latency)
        for (index, count) in other.counts.enumerated() where index < counts.count {
            counts[index].count += count.count
        }
    }

    /// What came since an earlier state.
    func since(_ earlier: TaskTotals?) -> TaskTotals {
        guard let earlier else { return self }
        var rest = self
        rest.latency = latency.since(earlier.latency)
        for (index, count) in earlier.counts.enumerated() where index < rest.counts.count {
            rest.counts[index].count = max(rest.counts[index].count - count.count, 0)
        }
        return rest
    }
}

extension NodeMetrics.TaskMetrics {
    /// What the numbers say of a task.
    func totals(_ task: String, _ values: MetricValues) -> TaskTotals {
        var latency = Sketch()
        var counts: [NamedCount] = []
        func add(_ name: String, _ counter: Counter?) {
            guard let counter else { return }
            counts.append(NamedCount("\(task)/\(name)", Int(clamping: values[counter])))
        }
        for tier in tiers {
            latency.merge(values[tier.latency])
            add("\(tier.tier)/accepted", tier.accepted)
            add("\(tier.tier)/unaccepted", tier.unaccepted)
        }
        for reason in DegradedReason.allCases { add("degraded/\(reason)", degraded[reason]) }
        for refusal in NodeMetrics.refusals { add("refused/\(refusal)", refused[refusal]) }
        for workClass in WorkClass.allCases { add("shed/\(workClass)", shed[workClass]) }
        add("audits/agreed", agreed)
        add("audits/disagreed", disagreed)
        add("alerts", alerts)
        add("owed", owed)
        return TaskTotals(task: task, latency: latency, counts: counts)
    }
}
