import Ground
import Node
import Topology

/// What a new topology changes for one node, in words.
enum ReloadSummary {
    /// One line a change; never empty.
    static func lines(_ old: NodeContext, _ new: NodeContext) -> [String] {
        let lines =
            tasks(old.blueprint, new.blueprint) + peers(old.blueprint, new.blueprint)
            + settings(old.blueprint.node, new.blueprint.node)
            + (old.blueprint.node.records == new.blueprint.node.records ? [] : ["records"])
            + (old.topology.alerts.isSame(as: new.topology.alerts) ? [] : ["alerts"])
        return lines.isEmpty ? ["nothing that this node acts on has changed"] : lines
    }

    private static func tasks(_ old: Blueprint, _ new: Blueprint) -> [String] {
        new.tasks.enumerated().flatMap { index, task -> [String] in
            guard index < old.tasks.count, !old.tasks[index].isRetired else {
                return task.isRetired ? [] : ["task \(task.name) is new"]
            }
            if task.isRetired { return ["task \(task.name) is served no more"] }
            return changes(old.tasks[index], task)
        }
    }

    private static func changes(_ old: Blueprint.Task, _ new: Blueprint.Task) -> [String] {
        var what: [String] = []
        if old.tier?.model != new.tier?.model {
            what.append("model \(name(old.tier)) → \(name(new.tier))")
        }
        if let engine = new.tier?.engine, let before = old.tier?.engine, engine != before {
            what.append("engine \(engine.rawValue)")
        }
        if old.tier?.accept != new.tier?.accept {
            what.append("accept \(accept(old.tier)) → \(accept(new.tier))")
        }
        if old.plan.escalation != new.plan.escalation { what.append("escalation budget") }
        if old.plan.deadline != new.plan.deadline { what.append("deadline") }
        if old.plan.mode != new.plan.mode { what.append("mode \(new.plan.mode.rawValue)") }
        if old.plan.payload != new.plan.payload { what.append(new.plan.payload.rawValue) }
        if old.plan.offline != new.plan.offline { what.append(new.plan.offline.rawValue) }
        if old.plan.alert != new.plan.alert { what.append("alert") }
        if old.plan.confidence != new.plan.confidence {
            what.append("confidence \(new.plan.confidence.rawValue)")
        }
        return what.isEmpty ? [] : ["task \(new.name): \(what.joined(separator: ", "))"]
    }

    static func name(_ tier: TierPlan?) -> String {
        switch tier?.model {
        case .bundle(let digest)?: digest.short
        case .foreign(let name)?: name
        case .identity?: "identity"
        case nil: "none"
        }
    }

    /// The acceptance as the topology says it; empty where all answers are accepted.
    static func accept(_ tier: TierPlan?) -> String {
        switch tier?.accept {
        case nil: ""
        case .confidence(let bar)?: "\(bar)"
        case .risk(let risk, let confidence)?:
            "risk \(percent(risk)) at \(percent(confidence))"
        }
    }

    private static func percent(_ share: Double) -> String {
        let percent = (share * 1_000_000).rounded() / 10_000
        return percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
    }

    private static func peers(_ old: Blueprint, _ new: Blueprint) -> [String] {
        new.peers.enumerated().compactMap { index, peer in
            guard index < old.peers.count, !old.peers[index].isRetired else {
                return peer.isRetired ? nil : "node \(peer.plan.name) may be asked"
            }
            if peer.isRetired { return "node \(peer.plan.name) is asked no more" }
            let before = old.peers[index].plan
            guard before.address != peer.plan.address else { return nil }
            return "node \(peer.plan.name) is at \(peer.plan.address.map { "\($0)" } ?? "?")"
        }
    }

    private static func settings(_ old: NodePlan, _ new: NodePlan) -> [String] {
        var lines: [String] = []
        if old.limits != new.limits { lines.append("limits") }
        if old.link != new.link { lines.append("links") }
        if old.routing != new.routing { lines.append("routing") }
        return lines
    }
}
