import Topology

/// What of an edit a running node cannot take over, because sockets, threads or memory were laid
/// out by it. Such an edit is refused as a whole: half of one is worse than none.
enum RestartNeeds {
    /// One line for each, with its place; empty when the node can go on with the new topology.
    static func lines(
        _ old: Topology, _ new: Topology, node before: NodePlan, _ after: NodePlan
    ) -> [String] {
        let own: [(change: Bool, keys: [String])] = [
            (before.tier != after.tier, ["tier"]),
            (!isSame(before.listeners, after.listeners), ["listen"]),
            (before.hardware != after.hardware, ["hardware"]),
            (before.loops != after.loops, ["loops"]),
            (before.workers != after.workers, ["workers"]),
            (before.budget.memory != after.budget.memory, ["budget", "memory"]),
            (before.budget.bytes != after.budget.bytes, ["budget", "bytes"]),
            (before.budget.spool != after.budget.spool, ["budget", "spool"]),
            (before.spool != after.spool, ["spool"]),
            (before.records?.folder != after.records?.folder, ["records", "folder"]),
            (before.records?.postgres != after.records?.postgres, ["records", "postgres"]),
            (before.records?.objects != after.records?.objects, ["records", "s3"]),
            (before.limits.inference != after.limits.inference, ["limits", "inference"]),
            (before.limits.pixels != after.limits.pixels, ["limits", "pixels"]),
        ]
        let common: [(change: Bool, keys: [String])] = [
            (old.trust.authority != new.trust.authority, ["trust", "ca"]),
            (old.trust.certificates != new.trust.certificates, ["trust", "certificates"]),
            (old.telemetry.collector != new.telemetry.collector, ["telemetry", "otlp"]),
            (old.telemetry.sample != new.telemetry.sample, ["telemetry", "sample"]),
        ]
        return own.filter(\.change).map { line(new, ["nodes", after.name] + $0.keys, $0.keys) }
            + common.filter(\.change).map { line(new, $0.keys, $0.keys) }
    }

    private static func line(_ topology: Topology, _ path: [String], _ keys: [String]) -> String {
        "\(topology.place(of: path)): `\(keys.joined(separator: "."))` cannot change while the node"
            + " runs; take this edit back, or restart the node"
    }

    private static func isSame(_ a: [ListenerPlan], _ b: [ListenerPlan]) -> Bool {
        a.elementsEqual(b) { first, second in
            first.endpoint == second.endpoint && first.clients == second.clients
                && first.serves == second.serves && first.tls == second.tls
        }
    }
}
