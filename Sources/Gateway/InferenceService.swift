import Cryptography
import Ground
import HTTP
import Routing
import Topology
import Wire

/// What one listener answers on one loop: finds out who asks and hands the call to its handler.
final class InferenceService: HTTP.Service {
    private let shard: Shard
    /// Who may do what; a new topology's from the next call on.
    var rules: AccessRules
    private let serves: Set<Listener.Service>
    /// Of `serves`, what every call asks for.
    private let servesInference: Bool
    private let pages: Pages
    private let control: ControlPlane

    init(
        _ shard: Shard, rules: AccessRules, serves: Set<Listener.Service>, pages: Pages,
        control: ControlPlane
    ) {
        self.shard = shard
        self.rules = rules
        self.serves = serves
        servesInference = serves.contains(.inference)
        self.pages = pages
        self.control = control
    }

    func begin(_ call: ServerCall) -> any CallHandler {
        if !call.isGRPC, call.path == "/live" || call.path == "/ready" {
            // A health checker need not be anybody; who is nobody learns one bit.
            let access = (try? rules.access(of: call)) ?? .nothing
            guard call.isRead else { return wrongMethod(call, "GET") }
            return Page(call) { [pages] in pages.answer(call, to: access) }
        }
        do throws(Fault) {
            let access = try rules.access(of: call)
            if call.isGRPC { return try rpc(call, access) }
            return try rest(call, access)
        } catch {
            shard.metrics.rejected(error)
            return Refused(call, error)
        }
    }

    private func rpc(_ call: ServerCall, _ access: Access) throws(Fault) -> any CallHandler {
        if servesInference {
            switch call.path {
            case RPCPath.modelInfer:
                try access.allow(.infer)
                return UnaryInfer(call, access, shard)
            case RPCPath.modelStreamInfer:
                try access.allow(.infer)
                let stream = StreamInfer(call, access, shard)
                shard.opened(stream)
                return stream
            default: break
            }
        }
        if let method = ControlMethod(path: call.path) { return try asked(method, call, access) }
        if let method = RecordsMethod(path: call.path) { return try kept(method, call, access) }
        if let method = OwingMethod(path: call.path) { return try owed(method, call, access) }
        if call.path == RPCPath.neighbours, servesInference {
            try access.allow(.metadata)
            let answer = Neighbours.of(shard.names.name, in: rules.topology, for: rules.clients)
            return Query(call, access, shard) { (_, _, _) throws(Fault) in answer.encode() }
        }
        guard let query = Queries.query(call.path), servesInference else {
            throw Fault(
                .unsupported, "there is no method \(call.path) here", source: .client,
                remedy: "this node serves the Open Inference Protocol and grpc.health.v1")
        }
        try access.allow(.metadata)
        if call.path == RPCPath.reportLoad, let caller = call.identity, caller.kind == .node {
            control.called(by: caller.name)
        }
        return Query(call, access, shard, query)
    }

    private func asked(
        _ method: ControlMethod, _ call: ServerCall, _ access: Access
    ) throws(Fault) -> any CallHandler {
        guard serves.contains(.control) else {
            throw Fault(
                .unsupported, "this listener does not serve control", source: .client,
                remedy: "ask a listener of this node whose `serves` has control")
        }
        try access.allow(.control)
        return ControlCall(call, method, shard, control)
    }

    private func owed(
        _ method: OwingMethod, _ call: ServerCall, _ access: Access
    ) throws(Fault) -> any CallHandler {
        guard call.identity?.kind == .node else {
            throw Fault(
                .forbidden, "only nodes send what they owe", source: .client,
                remedy: "call with a node's certificate, on a listener that asks for one")
        }
        try access.allow(.infer)
        return OwingCall(
            call, method, access, shard, try control.records(), control.context)
    }

    private func kept(
        _ method: RecordsMethod, _ call: ServerCall, _ access: Access
    ) throws(Fault) -> any CallHandler {
        guard method == .feedback ? servesInference : serves.contains(.control) else {
            throw Fault(
                .unsupported, "this listener does not show records", source: .client,
                remedy: "ask a listener of this node whose `serves` has control")
        }
        try access.allow(method.verb)
        if method == .feedback {
            try requireNodeOrRole(call)
            if control.context.records == nil, let spool = shard.spool {
                return FeedbackCall(call, shard, spool)
            }
        }
        return RecordsCall(call, method, shard, try control.records())
    }

    /// A true label counts for good: whoever may only send frames does not give it.
    private func requireNodeOrRole(_ call: ServerCall) throws(Fault) {
        if rules.clients == .certificate, let identity = call.identity, identity.kind != .client {
            return
        }
        throw Fault(
            .forbidden, "feedback takes the certificate of a node or a role", source: .client,
            remedy: "show one, or let the node or role that you spoke to give the label")
    }

    private func rest(_ call: ServerCall, _ access: Access) throws(Fault) -> any CallHandler {
        let service: Listener.Service = call.path == "/metrics" ? .metrics : .inference
        guard serves.contains(service) else {
            throw Fault(
                .notFound, "there is no page \(call.path) on this listener", source: .client,
                remedy: "ask a listener of this node that serves \(service.rawValue)")
        }
        if let path = ModelPath(call.path), path.verb == "infer" {
            try access.allow(.infer)
            guard call.method == .post else { return wrongMethod(call, "POST") }
            return RestInfer(call, path, access, shard)
        }
        try access.allow(Pages.verb(for: call.path))
        guard call.isRead else { return wrongMethod(call, "GET") }
        return Page(call) { [pages] in pages.answer(call, to: access) }
    }

    /// Refused when the body has come: some HTTP/2 clients take an answer before it for a broken
    /// stream.
    private func wrongMethod(_ call: ServerCall, _ right: String) -> any CallHandler {
        let fault = Fault(
            .invalid, "\(call.path) was asked with \(call.method.rawValue)", source: .client,
            remedy: "use \(right)")
        shard.metrics.rejected(fault)
        return Page(call) { call.finish(fault) }
    }
}

extension ServerCall {
    /// Whether it asks for a page, and nothing else.
    fileprivate var isRead: Bool { method == .get || method == .head }
}

/// A call that is refused before its message is read.
final class Refused: CallHandler {
    init(_ call: ServerCall, _ fault: Fault) { call.finish(fault) }
    func message(_ bytes: Bytes) {}
    func halfClosed() {}
    func cancelled(_ fault: Fault) {}
}

/// A REST request that is answered when its body, which is not looked at, has come.
final class Page: CallHandler {
    /// Nothing is read of it; some clients send a few bytes all the same.
    let bodyLimit = 64 << 10
    private let answer: () -> Void

    init(_ call: ServerCall, answer: @escaping () -> Void) { self.answer = answer }

    func message(_ bytes: Bytes) { answer() }
    func halfClosed() {}
    func cancelled(_ fault: Fault) {}
}
