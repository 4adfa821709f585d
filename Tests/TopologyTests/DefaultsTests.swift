import Ground
import Testing

@testable import Topology

@Suite struct DefaultsTests {
    private let small = """
        canopy: 1
        nodes:
          leaf: { tier: leaf, listen: 10.0.0.5:8443 }
        tasks:
          meter:
            leaf: { bundle: "sha256:\(String(repeating: "a", count: 64))" }
        """

    @Test func `A node gets the documented defaults`() throws {
        let node = try #require(try topology(small).node(named: "leaf"))
        #expect(node.speaks == .canopy && node.hardware == .cpu && node.dialledByTLS)
        #expect(node.site == nil && node.loops == nil && node.workers == nil && node.ring == nil)
        #expect(node.address == Endpoint(host: "10.0.0.5", port: 8443))
        #expect(node.budget.memory == 1 << 30 && node.budget.bytes == 256 << 20)
        #expect(node.budget.spool == nil)
        #expect(node.limits == Limits() && node.link == LinkPlan())
        #expect(node.upstream.isEmpty && !node.statesUpstream)
        let listener = try #require(node.listeners.first)
        #expect(listener.clients == .certificate && listener.tls && !listener.anywhere)
        #expect(listener.serves == [.inference, .metrics, .control])
    }

    @Test func `Limits and links have the documented defaults`() {
        let limits = Limits()
        #expect(limits.message == 64 << 20 && limits.headers == 16 << 10)
        #expect(limits.streams == 256 && limits.connections == 1024)
        #expect(limits.pixels == 40_000_000 && limits.minimumRate == 16 << 10)
        #expect(limits.idle == .seconds(300) && limits.request == .seconds(30))
        #expect(limits.drain == .seconds(10) && limits.headerTime == .seconds(10))
        #expect(limits.inference == .seconds(5))
        let link = LinkPlan()
        #expect(link.connections == 2 && link.streams == 128 && link.keepalive == .seconds(10))
        #expect(link.idle == .seconds(300) && link.connectTimeout == .seconds(2))
    }

    @Test func `A task gets the documented defaults`() throws {
        let task = try #require(try topology(small).task(named: "meter"))
        #expect(task.confidence == .maxSoftmax && task.mode == .wait && task.top == 5)
        #expect(task.deadline == .seconds(1) && task.payload == .mayLeaveSite)
        #expect(task.offline == .failSafe && task.alert == nil)
        #expect(task.escalation.share == 1 && task.escalation.bandwidth == nil)
        #expect(task.escalation.burst == .seconds(10) && task.escalation.audit == 0)
        #expect(task.tiers.count == 1 && task.tiers[0].accept == nil)
        #expect(task.tiers[0].engine == .inProcess)
    }

    @Test func `Alerts go to the log unless something else is said`() throws {
        let alert = "\n    alert: { labels: long, at: 0.9 }\n"
        let topology = try topology(small + alert)
        #expect(topology.task(named: "meter")?.alert?.to == ["log"])
        #expect(topology.alerts.sinks.isEmpty)
        let operators = topology.alerts.operators
        #expect(operators.to == ["log"] && operators.repeats == 3)
        #expect(operators.hold == .seconds(2) && operators.quiet == .seconds(30))
    }

    @Test func `A sink is a webhook or a broker`() throws {
        let sinks = try topology(
            small + """

                alerts:
                  sinks:
                    b: { mqtt: "mqtts://broker.example", user: u, password: { env: WORD } }
                    a: { webhook: "https://hooks.example/in", token: { file: secret } }
                """
        ).alerts
        #expect(sinks.sinks.map(\.name) == ["a", "b"] && sinks.sink(named: "log") == nil)
        guard case .webhook(let hook)? = sinks.sink(named: "a")?.kind,
            case .mqtt(let broker)? = sinks.sink(named: "b")?.kind
        else {
            Issue.record("the sinks are of other kinds")
            return
        }
        #expect(hook.url.endpoint == Endpoint(host: "hooks.example", port: 443) && hook.url.tls)
        #expect(hook.url.path == "/in" && hook.token == .file("secret") && hook.authority == nil)
        #expect(broker.url.endpoint == Endpoint(host: "broker.example", port: 8883))
        #expect(broker.url.tls && broker.topic == "canopy/alerts" && broker.user == "u")
        #expect(broker.password == .environment("WORD") && sinks.sinks[0].queue == 1_024)
    }

    @Test func `Folders are beside the file that is read`() throws {
        let file = TopologyFile(text: small, name: "fleet/a.yaml")
        let topology = try Topology(validating: file)
        #expect(topology.models == ["fleet/models"])
        #expect(topology.trust.certificates == "fleet/certificates")
        #expect(topology.trust.authority == "fleet/certificates/ca.pem")
        #expect(topology.telemetry.collector == nil && topology.telemetry.sample == 0.01)
    }

    @Test func `A node's own limits go over the common ones, setting by setting`() throws {
        let topology = try topology(
            """
            canopy: 1
            limits: { connections: 8, streams: 9 }
            links: { connections: 3, idle: 7s }
            nodes:
              a: { tier: leaf, listen: 10.0.0.1:1, limits: { connections: 5 }, link: { idle: 9s } }
              b: { tier: leaf, listen: 10.0.0.2:1 }
            """)
        #expect(topology.nodes.map(\.limits.connections) == [5, 8])
        #expect(topology.nodes.map(\.limits.streams) == [9, 9])
        #expect(topology.nodes.map(\.limits.headers) == [16 << 10, 16 << 10])
        #expect(topology.nodes.map(\.link.idle) == [.seconds(9), .seconds(7)])
        #expect(topology.nodes.map(\.link.connections) == [3, 3])
    }

    @Test(arguments: [
        ("http://otel.example:4318", "otel.example:4318", false, "/v1/traces"),
        ("https://otel.example/", "otel.example:4318", true, "/v1/traces"),
        ("https://otel.example:443/in/v1/traces", "otel.example:443", true, "/in/v1/traces"),
        ("otel.example", "otel.example:4318", false, "/v1/traces"),
        ("http://[::1]", "[::1]:4318", false, "/v1/traces"),
        ("http://[::1]:99", "[::1]:99", false, "/v1/traces"),
    ])
    func `A collector is a URL or an address`(
        _ url: String, _ endpoint: String, _ tls: Bool, _ path: String
    ) throws {
        let found = try topology(small + "\ntelemetry: { otlp: \"\(url)\" }").telemetry.collector
        #expect(found?.endpoint.description == endpoint)
        #expect(found?.tls == tls && found?.path == path)
    }

    @Test func `An answer is good enough by confidence or by risk`() throws {
        let digest = "sha256:" + String(repeating: "b", count: 64)
        let topology = try topology(
            """
            canopy: 1
            nodes:
              leaf: { tier: leaf, listen: 127.0.0.1:1 }
              region: { tier: regional, listen: 127.0.0.1:2 }
              triton: { tier: cloud, protocol: open-inference, address: triton.example:8001 }
            tasks:
              t:
                leaf: { bundle: "\(digest)", accept: { risk: 1% } }
                regional: { bundle: "\(digest)", accept: 80% }
                cloud: { model: digits }
            """)
        let task = try #require(topology.task(named: "t"))
        #expect(task.tiers.map(\.tier) == [.leaf, .regional, .cloud])
        #expect(task.tier(.leaf)?.accept == .risk(0.01, confidence: 0.95))
        #expect(task.tier(.regional)?.accept == .confidence(0.8))
        #expect(task.tier(.cloud)?.accept == nil)
        #expect(task.tier(.leaf)?.model == .bundle(try #require(Digest(digest))))
        #expect(task.tier(.cloud)?.model == .foreign("digits"))
        #expect(topology.node(named: "triton")?.dialledByTLS == true)
    }
}
