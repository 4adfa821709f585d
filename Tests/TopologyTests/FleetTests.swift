import Ground
import Testing

@testable import Topology

@Suite struct FleetTests {
    private let fleet = """
        canopy: 1
        nodes:
          region-b: { tier: regional, listen: 0.0.0.0:8443, address: b.example:8443 }
          region-a: { tier: regional, listen: 0.0.0.0:8443, address: a.example:8443 }
          leaf-2: { tier: leaf, listen: 0.0.0.0:8443, upstream: [triton, region-b] }
          leaf-1: { tier: leaf, listen: 0.0.0.0:8443 }
          triton: { tier: cloud, protocol: open-inference, address: t.example:8001, tls: false }
        tasks:
          both:
            leaf: { bundle: "\(digest)", accept: 0.9 }
            regional: { bundle: "\(digest)", accept: 0.9 }
            cloud: { model: both }
          skip:
            leaf: { bundle: "\(digest)", accept: 0.9 }
            cloud: { model: skip }
        identities:
          camera: { token: { sha256: \(String(repeating: "d", count: 64)) }, tasks: [skip, both] }
          leaf-2: { kind: node, verbs: [infer] }
        """
    private static let digest = "sha256:" + String(repeating: "c", count: 64)
    private static var hash: Digest { Digest(hex: String(repeating: "d", count: 64))! }

    @Test func `Everything is sorted by name, whatever the file's order`() throws {
        let topology = try topology(fleet)
        #expect(
            topology.nodes.map(\.name) == ["leaf-1", "leaf-2", "region-a", "region-b", "triton"])
        #expect(topology.tasks.map(\.name) == ["both", "skip"])
        #expect(topology.identities.map(\.name) == ["camera", "leaf-2"])
        for node in topology.nodes { #expect(topology.node(named: node.name)?.name == node.name) }
        #expect(topology.node(named: "leaf") == nil && topology.node(named: "z") == nil)
    }

    @Test func `A node asks whom it names, or the next tier`() throws {
        let topology = try topology(fleet)
        func upstreams(_ name: String) throws -> [String] {
            topology.upstreams(of: try #require(topology.node(named: name))).map(\.name)
        }
        #expect(try upstreams("leaf-1") == ["region-a", "region-b"])
        #expect(try upstreams("leaf-2") == ["triton", "region-b"])
        #expect(try upstreams("region-a") == ["triton"])
        #expect(try upstreams("triton") == [])
    }

    @Test func `A task goes to the next tier that runs it`() throws {
        let topology = try topology(fleet)
        func upstreams(_ node: String, _ task: String) throws -> [String] {
            topology.upstreams(
                of: try #require(topology.node(named: node)),
                for: try #require(topology.task(named: task))
            ).map(\.name)
        }
        #expect(try upstreams("leaf-1", "both") == ["region-a", "region-b"])
        #expect(try upstreams("leaf-1", "skip") == ["triton"])
        #expect(try upstreams("leaf-2", "both") == ["region-b", "triton"])
        #expect(try upstreams("leaf-2", "skip") == ["triton"])
        #expect(try upstreams("region-b", "both") == ["triton"])
        #expect(try upstreams("triton", "both") == [])
    }

    @Test func `A caller is known by certificate or token`() throws {
        let topology = try topology(fleet)
        let camera = try #require(topology.identity(token: Self.hash))
        #expect(camera.name == "camera" && camera.tenant == "camera" && camera.kind == .client)
        #expect(camera.tasks == ["both", "skip"] && camera.verbs == [.infer, .metadata])
        #expect(topology.identity(kind: .client, named: "camera")?.name == "camera")
        #expect(topology.identity(kind: .role, named: "camera") == nil)
        #expect(topology.identity(kind: .client, named: "stranger") == nil)
        #expect(topology.identity(kind: .node, named: "leaf-2")?.verbs == [.infer])
        let known = topology.identity(kind: .node, named: "leaf-1")
        #expect(known?.verbs == [.infer, .metadata, .metrics] && known?.tasks == nil)
    }

    @Test func `The place of a setting is its line, or the nearest thing above`() throws {
        let topology = try topology(fleet)
        func line(_ place: Place) -> [Int] { [place.line, place.column] }
        #expect(line(topology.place(of: "nodes", "leaf-1", "listen")) == [6, 33])
        #expect(line(topology.place(of: "nodes", "leaf-1")) == [6, 3])
        #expect(line(topology.place(of: "nodes", "leaf-1", "budget", "memory")) == [6, 3])
        #expect(line(topology.place(of: "tasks", "skip", "leaf", "bundle")) == [14, 21])
        #expect(line(topology.place(of: "telemetry", "otlp")) == [1, 1])
        let skip = try #require(topology.task(named: "skip"))
        #expect(skip.tier(.leaf)?.place == topology.place(of: "tasks", "skip", "leaf", "bundle"))
    }

    @Test func `A listener for strangers decides how a node is dialled only when it is the one`()
        throws
    {
        let topology = try topology(
            """
            canopy: 1
            nodes:
              a:
                tier: leaf
                listen:
                  - { at: 127.0.0.1:80, clients: open, tls: false }
                  - 127.0.0.1:443
              b: { tier: leaf, listen: { at: 127.0.0.1:81, clients: open, tls: false } }
              c:
                tier: leaf
                address: c.example:80
                listen: [{ at: 0.0.0.0:80, clients: token, tls: false, anywhere: true }]
            """)
        #expect(topology.nodes.map { $0.address?.port } == [443, 81, 80])
        #expect(topology.nodes.map(\.dialledByTLS) == [true, false, false])
    }

    @Test func `Ten thousand leaves that each listen on their own loopback are valid`() throws {
        var text = "canopy: 1\nnodes:\n  region: { tier: regional, listen: 10.0.0.1:8443 }\n"
        for index in 1...10_000 {
            text += "  leaf-\(index):\n    tier: leaf\n    upstream: [region]\n"
            text += "    listen: [0.0.0.0:8443, { at: 127.0.0.1:80, clients: open, tls: false }]\n"
        }
        #expect(try topology(text).nodes.count == 10_001)
    }
}
