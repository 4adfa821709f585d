import Ground
import HTTP
import Wire

/// What a browser, a health checker or Prometheus asks over HTTP/1.1.
struct Pages {
    let shard: Shard
    let scrape: Scrape

    private enum Kind: String {
        case text = "text/plain; charset=utf-8"
        case prometheus = "text/plain; version=0.0.4; charset=utf-8"
        case json = "application/json"
    }

    /// Answers a GET.
    func answer(_ call: ServerCall, to access: Access) {
        guard call.method == .get || call.method == .head else {
            return call.finish(
                Fault(
                    .invalid, "\(call.path) was asked with \(call.method.rawValue)",
                    source: .client, remedy: "use GET"))
        }
        switch call.path {
        case "/live", "/v2/health/live": send(call, 200, .text, "live\n")
        case "/ready", "/v2/health/ready": ready(call)
        case "/metrics":
            scrape.text(askedOn: shard.loop) { send(call, 200, .prometheus, $0) }
        case "/v2": send(call, 200, .json, Description.server.json)
        default: object(call)
        }
    }

    private func ready(_ call: ServerCall) {
        let missing = shard.tasks.indices.filter { !shard.isReady(task: $0) }
        if missing.isEmpty && shard.isReady { return send(call, 200, .text, "ready\n") }
        let reasons = missing.map { task in
            let reason =
                shard.tasks[task].isLoading
                ? "its model is on its way" : "no model here, and no node upstream to ask"
            return "\(shard.tasks[task].name) (\(reason))"
        }
        let why =
            shard.isDraining ? "the node is shutting down" : reasons.joined(separator: ", ")
        send(call, 503, .text, "not ready: \(why)\n")
    }

    private func object(_ call: ServerCall) {
        let parts = call.path.split(separator: "/")
        if parts.count >= 3, parts[0] == "v2", parts[1] == "models",
            let task = shard.task(named: String(parts[2]))
        {
            if parts.count == 3 {
                let model = Description.model(shard.tasks[task], shard.names)
                return send(call, 200, .json, model.json)
            }
            if parts.count == 4, parts[3] == "ready" {
                let isReady = shard.isReady(task: task)
                return send(call, isReady ? 200 : 503, .text, isReady ? "ready\n" : "not ready\n")
            }
        }
        if parts.count == 3, parts[0] == "v2", parts[1] == "receipts" {
            return receipt(call, parts[2])
        }
        call.finish(Fault(.notFound, "there is no page \(call.path)", source: .client))
    }

    private func receipt(_ call: ServerCall, _ name: Substring) {
        switch shard.receipts.state(of: name, now: shard.time.now) {
        case .settled(let answer): call.answer(with: answer)
        case .pending: send(call, 202, .json, "{\"status\":\"pending\"}\n")
        case nil:
            call.finish(
                Fault(
                    .notFound, "there is no receipt '\(name)', or it has expired", source: .client)
            )
        }
    }

    private func send(_ call: ServerCall, _ status: Int, _ kind: Kind, _ text: String) {
        send(call, status, kind, Bytes(Array(text.utf8)))
    }

    private func send(_ call: ServerCall, _ status: Int, _ kind: Kind, _ body: Bytes) {
        call.respond(
            status: status, headers: [("content-type", kind.rawValue)], body: [body])
    }
}
