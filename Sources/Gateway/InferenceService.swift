import Ground
import HTTP
import Routing
import Topology
import Wire

/// What one listener answers on one loop: finds out who asks and hands the call to its handler.
final class InferenceService: HTTP.Service {
    private let shard: Shard
    private let rules: AccessRules
    private let serves: Set<Listener.Service>
    private let pages: Pages

    init(
        _ shard: Shard, rules: AccessRules, serves: Set<Listener.Service>, pages: Pages
    ) {
        self.shard = shard
        self.rules = rules
        self.serves = serves
        self.pages = pages
    }

    func begin(_ call: ServerCall) -> any CallHandler {
        if call.path == "/live" || call.path == "/ready" {
            // A health checker need not be anybody: it learns one bit.
            return Page(call) { [pages] in pages.answer(call, to: .open) }
        }
        do throws(Fault) {
            let access = try rules.access(of: call)
            if call.isGRPC { return try rpc(call, access) }
            return try rest(call, access)
        } catch {
            shard.metrics.rejected(error.code)
            return Refused(call, error)
        }
    }

    private func rpc(_ call: ServerCall, _ access: Access) throws(Fault) -> any CallHandler {
        if serves.contains(.inference) {
            switch call.path {
            case RPCPath.modelInfer: return UnaryInfer(call, access, shard)
            case RPCPath.modelStreamInfer: return StreamInfer(call, access, shard)
            default: break
            }
        }
        guard let query = Queries.query(call.path), serves.contains(.inference) else {
            throw Fault(
                .unsupported, "there is no method \(call.path) here", source: .client,
                remedy: "this node serves the Open Inference Protocol and grpc.health.v1")
        }
        try access.allow(.metadata)
        return Query(call, shard, query)
    }

    private func rest(_ call: ServerCall, _ access: Access) throws(Fault) -> any CallHandler {
        let parts = call.path.split(separator: "/")
        if parts.count == 4, parts[0] == "v2", parts[1] == "models", parts[3] == "infer",
            serves.contains(.inference)
        {
            guard call.method == .post else {
                throw Fault(
                    .invalid, "\(call.path) was asked with \(call.method.rawValue)",
                    source: .client, remedy: "use POST")
            }
            return RestInfer(call, task: String(parts[2]), access, shard)
        }
        if call.path == "/metrics" {
            guard serves.contains(.metrics) else { throw notHere(call.path) }
            try access.allow(.metrics)
        } else {
            guard serves.contains(.inference) else { throw notHere(call.path) }
            try access.allow(.metadata)
        }
        return Page(call) { [pages] in pages.answer(call, to: access) }
    }

    private func notHere(_ path: String) -> Fault {
        Fault(.notFound, "there is no page \(path) on this listener", source: .client)
    }
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
    private let answer: () -> Void

    init(_ call: ServerCall, answer: @escaping () -> Void) { self.answer = answer }

    func message(_ bytes: Bytes) { answer() }
    func halfClosed() {}
    func cancelled(_ fault: Fault) {}
}
