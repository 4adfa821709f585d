import EventLoop
import Ground
import HTTP
import Inference
import Topology
import Wire

/// What a browser, a health checker or Prometheus asks with GET.
struct Pages {
    let shard: Shard
    let scrape: Scrape

    private enum Kind: String {
        case text = "text/plain; charset=utf-8"
        case prometheus = "text/plain; version=0.0.4; charset=utf-8"
        case json = "application/json"
    }

    /// What one must be allowed to see a page. A receipt is for those who send frames.
    static func verb(for path: String) -> Identity.Verb {
        path == "/metrics" ? .metrics : path.hasPrefix(receipts) ? .infer : .metadata
    }

    private static let receipts = "/v2/receipts/"

    /// Answers a GET.
    func answer(_ call: ServerCall, to access: Access) {
        switch call.path {
        case "/live", "/v2/health/live": send(call, 200, .text, "live\n")
        case "/ready", "/v2/health/ready": ready(call, access)
        case "/metrics":
            scrape.text(askedOn: shard.loop) { send(call, 200, .prometheus, $0) }
        case "/v2": send(call, 200, .json, Description.server.json)
        case let path where path.hasPrefix(Self.receipts):
            receipt(call, path.dropFirst(Self.receipts.count))
        default:
            do throws(Fault) {
                try model(call, access)
            } catch {
                call.finish(error)
            }
        }
    }

    private func ready(_ call: ServerCall, _ access: Access) {
        if shard.isReady { return send(call, 200, .text, "ready\n") }
        guard access.verbs.contains(.metadata) else {
            return send(call, 503, .text, "not ready\n")
        }
        let missing = shard.tasks.indices.filter {
            !shard.tasks[$0].isRetired && !shard.isReady(task: $0)
        }
        let reasons = missing.filter { access.mayUse(shard.tasks[$0].name) }.map { task in
            "\(shard.tasks[task].name) (\(reason(shard.tasks[task])))"
        }
        let why =
            shard.isDraining ? "it takes no new frames" : reasons.joined(separator: ", ")
        send(call, 503, .text, "not ready: \(why)\n")
    }

    /// Why a task is not ready.
    private func reason(_ task: TaskRuntime) -> String {
        if task.isLoading { return "its model is on its way" }
        switch task.model?.model.condition {
        case .serving: return "its model is stuck"
        case .restarting: return "its model's engine starts again"
        case .down, nil: return "no model here, and no node upstream to ask"
        }
    }

    private func model(_ call: ServerCall, _ access: Access) throws(Fault) {
        guard let path = ModelPath(call.path) else { throw noPage(call) }
        let number = try access.task(named: path.task, in: shard)
        let task = shard.tasks[number]
        switch path.verb {
        case nil: send(call, 200, .json, Description.model(task).json)
        case "config": send(call, 200, .json, Description.configuration(task).json)
        case "ready":
            let isReady = shard.isReady(task: number)
            send(call, isReady ? 200 : 503, .text, isReady ? "ready\n" : "not ready\n")
        default: throw noPage(call)
        }
    }

    private func noPage(_ call: ServerCall) -> Fault {
        Fault(
            .notFound, "there is no page \(call.path)", source: .client,
            remedy: "there are /live, /ready, /metrics, /v2, /v2/models/TASK and /v2/receipts/ID")
    }

    private func receipt(_ call: ServerCall, _ name: Substring) {
        let here = shard.receipts.state(of: name, now: shard.time.now)
        switch here {
        case .settled(let answer): call.answer(with: answer)
        case .tooLarge(let bytes):
            call.finish(
                Fault(
                    .exhausted,
                    "the answer has \(bytes) bytes; \(Receipts.largest) is the most that is kept",
                    remedy: "send such frames by ModelStreamInfer, which gives both answers"))
        case .pending, nil:
            guard let spool = shard.spool else { return answer(call, name, nil, here) }
            let back = LoopConfined((self, call), to: shard.loop.poster)
            let name = String(name)
            spool.receipt(name) { state in
                back.post { (pages, call) in pages.answer(call, name[...], state, here) }
            }
        }
    }

    /// Answers with what the spool's book says, or with what is known here.
    private func answer(
        _ call: ServerCall, _ name: Substring, _ owed: ReceiptBook.State?, _ here: Receipts.State?
    ) {
        switch owed {
        case .answered(let bytes):
            guard var response = try? InferResponse.decode(Bytes(bytes)) else {
                return call.finish(Fault(.corrupt, "the answer of '\(name)' cannot be read"))
            }
            response.parameters["canopy.receipt"] = .string(String(name))
            call.answer(
                with: response.json(
                    answering: InferRequest(model: response.model, id: response.id, inputs: [])))
        case .lost(let why):
            call.finish(
                Fault(.notFound, "there will be no answer for '\(name)': \(why)"))
        case .pending: send(call, 202, .json, "{\"status\":\"owed\"}\n")
        case nil where here != nil: send(call, 202, .json, "{\"status\":\"pending\"}\n")
        case nil:
            call.finish(
                Fault(
                    .notFound, "there is no receipt '\(name)' any more, or there never was",
                    source: .client,
                    remedy: "come for it within \(Int(Receipts.lifetime.seconds)) s, at this node")
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
