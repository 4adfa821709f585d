import Ground

/// What only all nodes together show: who refers to whom, and who listens where.
struct NodeChecks {
    /// By name; without those whose tier could not be read.
    private(set) var nodes: [NodePlan]
    /// Whether every node could be read.
    let areComplete: Bool
    private let fields: [String: Fields]
    private let names: [String]
    private let report: Report

    init(
        _ stated: [(name: String, place: Place, fields: Fields)], _ common: NodePlan.Common,
        _ report: Report
    ) {
        self.report = report
        nodes = stated.compactMap { NodePlan($0.name, $0.place, $0.fields, common) }
            .sorted { $0.name < $1.name }
        areComplete = nodes.count == stated.count
        names = stated.map(\.name).sorted()
        fields = Dictionary(stated.map { ($0.name, $0.fields) }) { first, _ in first }
    }

    /// Reports what is wrong, and fills in whom each node asks when the file does not say.
    mutating func run(sites topology: Fields) {
        if names.isEmpty && !report.isPartial {
            report.add(
                topology.place(of: "nodes"), "the topology has no nodes",
                "name one: `nodes: { leaf: { tier: leaf, listen: 127.0.0.1:8443 } }`")
        }
        let sites = topology.entry("sites")?.members.map(\.key) ?? []
        let known = Set(sites)
        let byName = Dictionary(nodes.map { ($0.name, $0) }) { first, _ in first }
        for node in nodes {
            if let site = node.site, !known.contains(site), !report.isPartial {
                refuse(site, of: node, sites.sorted())
            }
            checkUpstream(node, byName)
            checkMemory(node)
            checkListeners(node)
        }
        checkHosts()
        fillUpstreams()
        checkDialled(byName)
    }

    private func place(_ node: NodePlan, _ key: String) -> Place {
        fields[node.name]?.place(of: key) ?? node.place
    }

    private func refuse(_ site: String, of node: NodePlan, _ sites: [String]) {
        report.add(
            place(node, "site"), "there is no site \(quoted(site))",
            Nearest.remedy(for: site, among: sites))
    }

    private func checkUpstream(_ node: NodePlan, _ byName: [String: NodePlan]) {
        let entry = fields[node.name]?.entry("upstream")
        for (index, name) in node.upstream.enumerated() {
            var place = entry?.place ?? node.place
            if case .list(let items) = entry?.content, items.count == node.upstream.count {
                place = items[index].place
            }
            if name == node.name {
                report.add(
                    place, "node \(quoted(name)) is its own upstream",
                    "name a node of a higher tier")
            } else if let above = byName[name] {
                guard above.tier <= node.tier else { continue }
                report.add(
                    place,
                    "upstream \(quoted(name)) is of tier \(above.tier), which is not above"
                        + " \(node.tier)", "name nodes of a higher tier only")
            } else if !names.contains(name) && !report.isPartial {
                report.add(
                    place, "there is no node \(quoted(name))",
                    Nearest.remedy(for: name, among: names))
            }
        }
    }

    private func checkMemory(_ node: NodePlan) {
        guard node.speaks == .canopy, node.limits.message > node.budget.bytes else { return }
        report.add(
            place(node, "budget"),
            "node \(quoted(node.name)) takes messages of"
                + " \(Units.text(node.limits.message, Units.bytes)) but has only"
                + " \(Units.text(node.budget.bytes, Units.bytes)) for all of them",
            "raise `bytes` in its budget, or lower `message` in its limits")
    }

    private func checkListeners(_ node: NodePlan) {
        guard let first = node.listeners.first else { return }
        if !node.listeners.contains(where: { $0.serves.contains(.inference) }) {
            report.add(
                first.place, "node \(quoted(node.name)) has no listener that serves inference",
                "let one of its listeners serve inference")
        }
        for (index, listener) in node.listeners.enumerated() {
            let rival = node.listeners[..<index].first {
                $0.endpoint.collides(with: listener.endpoint)
            }
            guard let rival else { continue }
            report.add(
                listener.place,
                "node \(quoted(node.name)) already listens on \(rival.endpoint) (line"
                    + " \(rival.place.line))", "give each listener a port of its own")
        }
    }

    /// Two nodes may not have one address. That they are on one machine is known only when they
    /// listen on the same numeric address; for loopback, when others also dial them there.
    private func checkHosts() {
        var addresses: [Endpoint: NodePlan] = [:]
        var endpoints: [Endpoint: NodePlan] = [:]
        for node in nodes.sorted(by: { $0.place < $1.place }) {
            if let address = node.address {
                if let other = addresses[address] {
                    let key = fields[node.name]?.has("address") == true ? "address" : "listen"
                    report.add(
                        place(node, key),
                        "nodes \(quoted(other.name)) and \(quoted(node.name)) are both at"
                            + " \(address)",
                        "give each its own port; when they are on different machines, give each the"
                            + " `address` that others dial")
                    continue
                }
                addresses[address] = node
            }
            for listener in node.listeners {
                let endpoint = listener.endpoint
                let isKnown = !endpoint.isLoopback || node.address?.isLoopback == true
                guard isKnown, !endpoint.isWildcard, endpoint.port != 0 else { continue }
                if let other = endpoints[endpoint], other.name != node.name {
                    report.add(
                        listener.place,
                        "node \(quoted(other.name)) already listens on \(endpoint)",
                        "give each listener a port of its own")
                } else {
                    endpoints[endpoint] = node
                }
            }
        }
    }

    private mutating func fillUpstreams() {
        var tiers: [Tier: [String]] = [:]
        for node in nodes { tiers[node.tier, default: []].append(node.name) }
        for index in nodes.indices where !nodes[index].statesUpstream {
            guard nodes[index].speaks == .canopy else { continue }
            let next = Tier.allCases.first { $0 > nodes[index].tier && tiers[$0] != nil }
            nodes[index].upstream = next.flatMap { tiers[$0] } ?? []
        }
    }

    /// Whoever is asked must be reachable.
    private func checkDialled(_ byName: [String: NodePlan]) {
        var callers: [String: String] = [:]
        for node in nodes {
            for name in node.upstream where callers[name] == nil { callers[name] = node.name }
        }
        for node in nodes where node.address == nil && !node.listeners.isEmpty {
            guard let caller = callers[node.name], fields[node.name]?.has("address") != true else {
                continue
            }
            report.add(
                place(node, "listen"),
                "node \(quoted(caller)) asks \(quoted(node.name)), whose address is not known",
                "give `address: host:port`, since a wildcard or port 0 cannot be dialled")
        }
    }
}

extension Endpoint {
    /// Whether one socket would take the other's port. Port 0 never does.
    fileprivate func collides(with other: Endpoint) -> Bool {
        guard port == other.port, port != 0 else { return false }
        return host == other.host || isWildcard || other.isWildcard
    }
}
