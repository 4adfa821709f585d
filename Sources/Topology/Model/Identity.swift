public import Ground

/// Somebody who may speak to the nodes, known by a certificate or a token.
public struct Identity: Sendable {
    public let name: String
    /// Which kind of certificate names it. Default `client`.
    public let kind: Kind
    /// Whose share of the limits it uses. Default its own name, so that none starves another.
    public let tenant: String
    /// Tasks that it may use, sorted; `nil` (default) is all.
    public let tasks: [String]?
    /// SHA-256 of its bearer token, or `nil` when it has none.
    public let token: Digest?
    /// What it may do. Default inference and metadata for a client, metrics too for a node, and
    /// everything for a role.
    public let verbs: Set<Verb>
    public let place: Place

    /// The kind in a certificate's `canopy:KIND:NAME`.
    public enum Kind: String, CaseIterable, Sendable {
        case client, node, role
    }

    /// What somebody may do.
    public enum Verb: String, CaseIterable, Sendable {
        /// Send frames.
        case infer
        /// Ask what models there are and whether they are ready.
        case metadata
        /// Read metrics.
        case metrics
        /// Change a node.
        case control
        /// See what a node has kept of what arrived, and label it.
        case records

        /// What an identity may do when the file does not say.
        static func standard(for kind: Kind) -> Set<Verb> {
            switch kind {
            case .client: [.infer, .metadata]
            case .node: [.infer, .metadata, .metrics]
            case .role: Set(allCases)
            }
        }
    }

    /// What a node of the topology is without any words.
    init(node: NodePlan) {
        name = node.name
        kind = .node
        tenant = node.name
        tasks = nil
        token = nil
        verbs = Verb.standard(for: .node)
        place = node.place
    }

    init(_ name: String, _ place: Place, _ fields: Fields, tasks known: [String]) {
        self.name = name
        self.place = place
        kind = fields.value("kind", .word, or: .client)
        tenant = fields.value("tenant", .name, or: name)
        tasks = Self.tasks(fields, known)
        let secret = fields.fields("token")
        token = fields.has("token") ? secret.required("sha256", .tokenHash) : nil
        secret.finish()
        let stated: [Placed<Verb>]? = fields.value("verbs", .list(of: .word))
        verbs = stated.map { Set($0.map(\.value)) } ?? Verb.standard(for: kind)
        fields.finish()
        check(fields)
    }

    private static func tasks(_ fields: Fields, _ known: [String]) -> [String]? {
        if case .scalar("all") = fields.entry("tasks")?.content { return nil }
        guard let stated: [Placed<String>] = fields.value("tasks", .list(of: .name)) else {
            return nil
        }
        for task in stated where !known.contains(task.value) && !fields.report.isPartial {
            fields.report.add(
                task.place, "there is no task \(quoted(task.value))",
                Nearest.remedy(for: task.value, among: known))
        }
        return stated.map(\.value).sorted()
    }

    private func check(_ fields: Fields) {
        let strict = [Verb.control, .records].filter(verbs.contains)
        if kind == .client, let verb = strict.first {
            let what = verb == .control ? "control" : "see records"
            fields.report.add(
                fields.place(of: "verbs"), "\(fields.subject) is a client that may \(what)",
                "\(verb.rawValue) needs the certificate of a role: `kind: role`, or remove"
                    + " \(verb.rawValue)")
        }
        if kind != .client && token != nil {
            fields.report.add(
                fields.place(of: "token"), "\(fields.subject) is a \(kind.rawValue) with a token",
                "nodes and roles show a certificate; remove the token")
        }
    }
}
