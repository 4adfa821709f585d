import Cryptography
import Ground
import HTTP
import Topology
import Wire

/// What one caller may do on a listener.
struct Access {
    /// Verbs and tasks; `nil` tasks are all.
    let verbs: Verbs
    let tasks: [String]?
    /// Whose share of the limits is used; `nil` is that of whoever is not known by name.
    var tenant: Tenant?

    /// What everybody may do on an open listener.
    static let open = Access(verbs: [.infer, .metadata, .metrics], tasks: nil)
    /// What somebody unknown may do elsewhere.
    static let nothing = Access(verbs: [], tasks: [])

    /// Checks a request and makes work of it.
    func work(
        for request: InferRequest, in shard: Shard, timeout: Interval?, trace: CallerTrace?
    ) throws(Fault) -> FrameWork {
        try allow(.infer)
        let task = try task(named: request.model, in: shard)
        return try FrameWork(
            request, task: task, of: shard.tasks[task], callTimeout: timeout, tenant: tenant,
            trace: trace, now: shard.time.now)
    }

    /// Throws unless the caller may do this.
    func allow(_ verb: Identity.Verb) throws(Fault) {
        guard verbs.contains(verb) else {
            throw Fault(
                .forbidden, "this identity may not use \(verb.rawValue)", source: .client,
                remedy: verb == .control || verb == .records
                    ? "show the certificate of a role (`kind: role`) whose verbs have "
                        + verb.rawValue
                    : "add it to the identity's `verbs` in the topology")
        }
    }

    /// Whether the caller may use the task, and know of it.
    func mayUse(_ task: String) -> Bool { tasks?.contains(task) ?? true }

    /// Index of a task that the caller may use. Of tasks that it may not use, it does not learn
    /// whether there are any.
    func task(named name: String, in shard: Shard) throws(Fault) -> Int {
        guard mayUse(name) else {
            throw Fault(
                .forbidden, "this identity may not use the task '\(name)'", source: .client,
                remedy: "add it to the identity's `tasks` in the topology")
        }
        guard let task = shard.task(named: name) else {
            throw Refusals.unknownTask(name, known: shard.taskNames.filter(mayUse))
        }
        return task
    }
}

/// What may be done, as bits: every call asks, and a set would hash.
struct Verbs: Equatable, ExpressibleByArrayLiteral {
    private var bits: UInt8 = 0

    init(_ verbs: Set<Identity.Verb>) {
        for verb in verbs { bits |= Self.bit(verb) }
    }

    init(arrayLiteral verbs: Identity.Verb...) {
        for verb in verbs { bits |= Self.bit(verb) }
    }

    func contains(_ verb: Identity.Verb) -> Bool { bits & Self.bit(verb) != 0 }

    private static func bit(_ verb: Identity.Verb) -> UInt8 {
        switch verb {
        case .infer: 1
        case .metadata: 2
        case .metrics: 4
        case .control: 8
        case .records: 16
        }
    }
}

/// Tells who may do what on one listener.
struct AccessRules: Sendable {
    let topology: Topology
    let clients: Listener.Clients

    /// What the caller may do, from its certificate or token.
    ///
    /// - Throws: `unauthenticated` when nobody known is asking, with what to show.
    func access(of call: ServerCall) throws(Fault) -> Access {
        switch clients {
        case .open: return .open
        case .certificate: return try access(identity: call.identity)
        case .token: return try access(token: call.header("authorization"))
        }
    }

    func access(identity: PeerIdentity?) throws(Fault) -> Access {
        guard let identity else {
            throw Fault(
                .unauthenticated, "this listener asks for a certificate and none came",
                source: .client, remedy: "connect with a certificate of the site's authority")
        }
        guard let kind = Identity.Kind(rawValue: identity.kind.rawValue),
            let known = topology.identity(kind: kind, named: identity.name)
        else {
            throw Fault(
                .forbidden, "\(identity) is not in the topology", source: .client,
                remedy: "add '\(identity.name)' under `identities:`")
        }
        return Access(verbs: Verbs(known.verbs), tasks: known.tasks, tenant: Tenant(known))
    }

    func access(token header: String?) throws(Fault) -> Access {
        // RFC 9110: a scheme's name is the same in small and large letters.
        let prefix = "bearer "
        guard let header, header.prefix(prefix.count).lowercased() == prefix else {
            throw Fault(
                .unauthenticated, "this listener asks for a token and none came", source: .client,
                remedy: "send the header `authorization: Bearer TOKEN`")
        }
        let digest = Hash.sha256(Array(header.dropFirst(prefix.count).utf8))
        guard let known = topology.identity(token: digest) else {
            throw Fault(
                .unauthenticated, "the token is not known", source: .client,
                remedy: "put its SHA-256 under `identities:` in the topology")
        }
        return Access(verbs: Verbs(known.verbs), tasks: known.tasks, tenant: Tenant(known))
    }
}
