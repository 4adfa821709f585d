import Ground
import Wire

extension NodeAnswer {
    /// As `canopy status --json` prints it: a silent node has `error` and nothing else.
    var json: JSON {
        guard let status else {
            return .object([
                "node": .string(name), "tier": .string(tier.rawValue), "error": .string(why),
            ])
        }
        return .object(status.members)
    }
}

extension NodeStatus {
    fileprivate var members: [String: JSON] {
        [
            "node": .string(node), "tier": .string(tier), "site": .string(site),
            "version": .string(version), "uptime_ms": .milliseconds(uptime),
            "loops": .integer(loops), "draining": .bool(draining), "ready": .bool(ready),
            "frames": .integer(frames),
            "topology": .object([
                "digest": .string(configuration.topology),
                "accepted": .integer(configuration.accepted),
                "refused": .integer(configuration.refused),
                "refusal": .string(configuration.refusal),
            ]),
            "memory": .object([
                "requests": .integer(memory.requests),
                "request_limit": .integer(memory.requestLimit),
                "resident": .integer(memory.resident),
            ]),
            "tasks": .array(tasks.map { .object($0.members) }),
            "peers": .array(peers.map { .object($0.members) }),
            "classes": .array(classes.map { .object($0.members) }),
            "counts": .object(
                Dictionary(
                    counts.map { ($0.name, JSON.integer($0.count)) },
                    uniquingKeysWith: { first, _ in first })),
        ]
    }
}

extension TaskStatus {
    fileprivate var members: [String: JSON] {
        let tiers = tiers.map { tier in
            JSON.object([
                "tier": .string(tier.tier), "model": .string(tier.model),
                "accept": .string(tier.accept),
            ])
        }
        return [
            "task": .string(name), "offline": .string(offline), "mode": .string(mode),
            "payload": .string(payload), "deadline_ms": .milliseconds(deadline),
            "tiers": .array(tiers), "model": .string(model), "fault": .string(fault),
            "bundle": .string(bundle), "bar": bar.map(JSON.real) ?? .null,
            "waiting": .integer(waiting), "ready": .bool(ready),
        ]
    }
}

extension PeerStatus {
    fileprivate var members: [String: JSON] {
        [
            "peer": .string(name), "tier": .string(tier), "address": .string(address),
            "level": .string(level), "breaker": .string(breaker), "open_ms": .milliseconds(open),
            "open_loops": .integer(openLoops), "override": .string(override),
            "override_ms": .milliseconds(overrideLeft),
            "round_trip_ms": roundTrip.map(JSON.milliseconds) ?? .null,
            "pending": .integer(pending), "calls": .integer(calls), "draining": .bool(draining),
            "ejected": .bool(ejected),
        ]
    }
}

extension ClassStatus {
    fileprivate var members: [String: JSON] {
        [
            "class": .string(name), "share_percent": .integer(share), "held": .integer(held),
            "shed": .integer(shed),
        ]
    }
}

extension JSON {
    fileprivate static func milliseconds(_ interval: Interval) -> JSON {
        .real(Double(interval.nanoseconds / 1000) / 1000)
    }
}
