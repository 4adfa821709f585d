import Ground
import Testing
import Topology

@testable import Gateway

@Suite("What an edit may change while a node runs")
struct RestartNeedsTests {
    private static let base: [String: String] = [
        "tier": "leaf", "listen": "127.0.0.1:8443", "hardware": "cpu", "loops": "1",
        "workers": "2", "memory": "1GiB", "bytes": "256MiB", "queue": "64", "pixels": "40MP",
        "streams": "256", "drain": "10s", "ca": "ca.pem", "sample": "1%",
        "otlp": "http://collector.example:4318",
    ]

    private static func topology(_ changes: [String: String]) throws -> Topology {
        let v = base.merging(changes) { $1 }
        return try Topology(
            validating: TopologyFile(
                text: """
                    canopy: 1
                    trust: { ca: \(v["ca"]!) }
                    telemetry: { otlp: "\(v["otlp"]!)", sample: \(v["sample"]!) }
                    nodes:
                      leaf:
                        tier: \(v["tier"]!)
                        listen: \(v["listen"]!)
                        hardware: \(v["hardware"]!)
                        loops: \(v["loops"]!)
                        workers: \(v["workers"]!)
                        budget: { memory: \(v["memory"]!), bytes: \(v["bytes"]!) }
                        limits:
                          pixels: \(v["pixels"]!)
                          streams: \(v["streams"]!)
                          drain: \(v["drain"]!)
                    """, name: "t.yaml"))
    }

    private func needs(_ changes: [String: String]) throws -> [String] {
        let (old, new) = (try Self.topology([:]), try Self.topology(changes))
        return RestartNeeds.lines(
            old, new, node: try #require(old.node(named: "leaf")),
            try #require(new.node(named: "leaf")))
    }

    @Test(arguments: [
        ("tier", "regional", "t.yaml:6:11: `tier`"),
        ("listen", "127.0.0.1:8444", "t.yaml:7:13: `listen`"),
        ("listen", "{ at: 127.0.0.1:8443, serves: [inference] }", "t.yaml:7:5: `listen`"),
        ("hardware", "intel-gpu", "t.yaml:8:15: `hardware`"),
        ("loops", "2", "t.yaml:9:12: `loops`"),
        ("workers", "3", "t.yaml:10:14: `workers`"),
        ("memory", "2GiB", "t.yaml:11:23: `budget.memory`"),
        ("bytes", "128MiB", "t.yaml:11:36: `budget.bytes`"),
        ("pixels", "50MP", "t.yaml:13:15: `limits.pixels`"),
        ("ca", "other.pem", "t.yaml:2:14: `trust.ca`"),
        ("otlp", "http://other.example:4318", "t.yaml:3:20: `telemetry.otlp`"),
        ("sample", "2%", "t.yaml:3:61: `telemetry.sample`"),
    ])
    func `What sockets, threads and memory were laid out by is named with its place`(
        _ key: String, _ value: String, _ beginning: String
    ) throws {
        let lines = try needs([key: value])
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix(beginning) == true, "\(lines)")
        #expect(lines.first?.contains("restart the node") == true)
    }

    @Test(arguments: [("streams", "9"), ("drain", "1s")])
    func `Limits are taken over`(_ key: String, _ value: String) throws {
        #expect(try needs([key: value]).isEmpty)
    }

    @Test func `All that needs a restart is said at once`() throws {
        #expect(try needs(["tier": "regional", "loops": "3", "sample": "5%"]).count == 3)
    }
}
