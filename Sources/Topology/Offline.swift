extension Topology {
    /// What a site does while nobody outside of it can be reached, in at most 120 words, from what
    /// the files say; `nil` when there is no such site.
    public func offlineWords(site name: String) -> String? {
        guard site(named: name) != nil else { return nil }
        return OfflineWords(self, name).text
    }
}

/// Words about one site that is cut off.
private struct OfflineWords {
    /// Names of one kind that are listed; of more, these and a count.
    private static let listed = 3

    private let topology: Topology
    private let site: Site
    private let own: [NodePlan]

    init(_ topology: Topology, _ name: String) {
        self.topology = topology
        site = topology.site(named: name)!
        own = topology.nodes.filter { $0.site == name && $0.speaks == .canopy }
    }

    var text: String {
        guard !own.isEmpty else { return "\(site.name) has no Canopy node: nothing goes on there." }
        return ([opening] + tasks + keeping + [promise]).compactMap(\.self).joined(separator: " ")
    }

    private var opening: String {
        "Cut off, \(site.name) goes on with \(list(own.map(\.name)))."
    }

    // MARK: Tasks

    /// Tasks whose frames nodes of the site take.
    private var taken: [TaskPlan] {
        let lowest = own.map(\.tier).min()!
        return topology.tasks.filter { task in task.tiers.contains { $0.tier >= lowest } }
    }

    private func runsHere(_ task: TaskPlan) -> Bool {
        own.contains { node in task.tier(node.tier).map { $0.model.runs(on: node) } ?? false }
    }

    /// Whether answers of the site are below a bar now and then, and somebody elsewhere is asked.
    private func asks(_ task: TaskPlan) -> Bool {
        own.contains { node in
            task.tier(node.tier)?.accept != nil
                && topology.upstreams(of: node, for: task).contains { $0.site != site.name }
        }
    }

    private var tasks: [String] {
        let here = taken.filter(runsHere)
        var lines: [String] = []
        if !here.isEmpty { lines.append("It answers \(names(here)) itself.") }
        let safe = here.filter {
            asks($0) && $0.offline == .failSafe && $0.payload == .mayLeaveSite
        }
        if !safe.isEmpty {
            lines.append(
                "Answers of \(names(safe)) below the bar are given, marked `upstream_down`.")
        }
        let closed = here.filter { asks($0) && $0.offline == .failClosed }
        if !closed.isEmpty { lines.append("Below it, \(names(closed)) gives none.") }
        let refused = taken.filter { !runsHere($0) && $0.safeAnswer == nil }
        if !refused.isEmpty { lines.append("\(names(refused)) is refused: no model is here.") }
        let said = taken.filter { !runsHere($0) && $0.safeAnswer != nil }
        if !said.isEmpty { lines.append("\(names(said)) gives its safe answer.") }
        return lines
    }

    // MARK: What is kept

    private var keeping: [String] {
        let outward = own.filter { node in
            topology.upstreams(of: node).contains { $0.site != site.name }
        }
        var lines: [String] = []
        let keepers = outward.filter { topology.hub(of: $0) != nil }
        if !keepers.isEmpty {
            let room = Set(keepers.compactMap(\.budget.spool)).sorted()
                .map { Units.text($0, Units.bytes) }
            let hubs = Set(keepers.compactMap { topology.hub(of: $0)?.name }).sorted()
            lines.append(
                "\(list(keepers.map(\.name))) keeps records of all answers, up to"
                    + " \(room.joined(separator: " or ")), for \(list(hubs)).")
            let owed = taken.filter {
                asks($0) && $0.payload == .mayLeaveSite && $0.offline == .failSafe
            }
            if !owed.isEmpty {
                lines.append(
                    "Frames below the bar are owed an answer, and have it when the link is back."
                        + " Without room the oldest frames go first; every loss is reported.")
            }
        }
        let forgetful = outward.filter { topology.hub(of: $0) == nil }
        if !forgetful.isEmpty {
            lines.append("\(list(forgetful.map(\.name))) keeps no records of that time.")
        }
        let stay = taken.filter { $0.payload == .localOnly }
        if !stay.isEmpty { lines.append("Frames of \(names(stay)) never leave.") }
        return lines
    }

    private var promise: String? {
        site.offlineHours == 0
            ? nil : "The site is to get by for \(site.offlineHours) hours like this."
    }

    private func names(_ tasks: [TaskPlan]) -> String { list(tasks.map(\.name)) }

    private func list(_ names: [String]) -> String {
        if names.count > Self.listed {
            let more = names.count - Self.listed
            return names.prefix(Self.listed).joined(separator: ", ") + " and \(more) more"
        }
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " and \(last)"
    }
}
