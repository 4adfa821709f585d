import Cryptography
import EventLoop
import Ground
import Inference
import Logging
import Node
import Routing
import Synchronization
import Topology

@testable import Gateway

/// A node on real loops and loopback sockets, with models that are fakes.
final class TestGateway: Sendable {
    let context: NodeContext
    let hosts: [LoopConfined<ShardHost>]
    let control: ControlPlane
    private let all: Hosts
    private let threads: [LoopThread]
    /// By loop; the listeners' in the topology's order: open, token.
    let ports: [[Int]]

    init(
        _ topology: String, node: String = "leaf", models: [String: FakeModel] = [:],
        loops: Int = 1
    ) throws {
        let text =
            loops == 1
            ? topology
            : topology.replacing("tier: \(node)\n", with: "tier: \(node)\n    loops: \(loops)\n")
        let fleet = try Topology(validating: TopologyFile(text: text, name: "test.yaml"))
        let log = Logger(label: node) { _ in SwiftLogNoOpLogHandler() }
        let context = try NodeContext(fleet, node: fleet.node(named: node)!, log: log)
        let metrics = try NodeMetrics(context.blueprint)
        let all = Hosts()
        let scrape = Scrape(metrics, context, hosts: all)
        let control = ControlPlane(context, metrics, hosts: all, now: MonotonicTime().now)
        let made = Mutex<(hosts: [LoopConfined<ShardHost>], ports: [[Int]])>(([], []))
        precondition(loops == context.loops, "the topology says how many loops there are")
        threads = try (0..<loops).map { number in
            try LoopThread(name: "node-\(number)") { (loop) throws(Fault) in
                let host = try ShardHost(
                    loop, context, names: metrics, hosts: all, number: number)
                host.shard.hear(.workers(64))
                for (number, task) in context.blueprint.tasks.enumerated() {
                    guard let model = models[task.name] else { continue }
                    let served = ServedModel(
                        model: model, bundle: model.id.description, isClassifier: true)
                    host.shard.install(served, task: number, bar: Bar(0.8))
                }
                try host.listen(scrape, control)
                let confined = LoopConfined(host, to: loop.poster)
                made.withLock {
                    $0.hosts.append(confined)
                    $0.ports.append(host.ports)
                }
            }
        }
        (hosts, ports) = made.withLock { $0 }
        self.context = context
        all.set(hosts)
        self.all = all
        self.control = control
    }

    /// Where everybody may ask.
    var open: Endpoint { Endpoint(host: "127.0.0.1", port: ports[0][0]) }
    /// Where a token is asked for.
    var guarded: Endpoint { Endpoint(host: "127.0.0.2", port: ports[0][1]) }

    /// Runs a body with the first host, on its loop.
    func onHost<Value: Sendable>(
        _ body: @escaping @Sendable (ShardHost) -> Value
    ) async -> Value {
        await withCheckedContinuation { continuation in
            hosts[0].post { continuation.resume(returning: body($0)) }
        }
    }

    /// Waits until `isSo` holds on the first loop; the test's own time limit is the bound.
    func until(_ isSo: @escaping @Sendable (ShardHost) -> Bool) async {
        while await !onHost(isSo) { await Task.yield() }
    }

    func stop() {
        for thread in threads { thread.stop() }
        for thread in threads { thread.join() }
        all.set([])
    }
}

enum Fleet {
    /// A leaf and a region.
    ///
    /// - Parameters:
    ///   - region: port at which the leaf finds the region; `nil` in the region's own text.
    ///   - upstream: whether the region knows the task.
    static func text(
        region port: Int? = 1, upstream: Bool = true, drain: String = "60s"
    ) -> String {
        let bundle = "bundle: \"sha256:\(String(repeating: "1", count: 64))\""
        let above = "regional: { \(bundle) }\n    escalate: { share: 100% }"
        return """
            canopy: 1
            limits: { drain: \(drain) }
            nodes:
              leaf:
                tier: leaf
                listen:
                  - { at: "127.0.0.1:0", clients: open, tls: false }
                  - { at: "127.0.0.2:0", clients: token, tls: false }
              region:
                tier: regional
                address: "127.0.0.1:\(port ?? 1)"
                listen: { at: "127.0.0.1:\(port ?? 0)", clients: open, tls: false }
            identities:
              camera: { tasks: [digits], token: { sha256: \(hash("camera")) } }
              prober: { verbs: [metadata], token: { sha256: \(hash("prober")) } }
            tasks:
              digits:
                leaf: { \(bundle)\(upstream ? ", accept: 0.8" : "") }
                deadline: 30s
                \(upstream ? above : "mode: wait")
              echo: { leaf: { builtin: identity } }
            """
    }

    private static func hash(_ token: String) -> String {
        String(Hash.sha256(Array(token.utf8)).description.dropFirst("sha256:".count))
    }
}
