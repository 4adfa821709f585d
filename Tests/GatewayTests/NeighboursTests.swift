import Ground
import Testing
import Topology
import Wire

@testable import Gateway

@Suite("A node's neighbours", .timeLimit(.minutes(1)))
struct NeighboursTests {
    private func topology(payload: String = "may-leave-site") throws -> Topology {
        func node(_ tier: String, _ site: String, _ port: Int) -> String {
            "{ tier: \(tier), site: \(site), address: \"127.0.0.1:\(port)\","
                + " listen: { at: \"127.0.0.1:\(port)\", clients: open, tls: false } }"
        }
        let text = """
            canopy: 1
            sites:
              hall: { location: [52.5, 13.4] }
              near: { location: [52.4, 13.1] }
              far: { location: [-33.9, 18.4] }
            nodes:
              a: \(node("leaf", "hall", 1))
              b: \(node("leaf", "far", 2))
              c: \(node("leaf", "near", 3))
              d: \(node("leaf", "hall", 4))
              r: \(node("regional", "near", 5))
              theirs: { tier: regional, address: "127.0.0.1:6", protocol: open-inference }
            tasks:
              echo: { leaf: { builtin: identity }, payload: \(payload) }
            """
        return try Topology(validating: TopologyFile(text: text, name: "test.yaml"))
    }

    @Test func `Come by site and by distance, itself first, and only nodes that speak our way`()
        throws
    {
        let answer = try Neighbours.of("a", in: topology(), for: .open)
        #expect(answer.neighbours.map(\.name) == ["a", "d", "c", "b", "r"])
        let first = try #require(answer.neighbours.first)
        #expect(first.address == "127.0.0.1:1" && first.tier == "leaf" && first.site == "hall")
        #expect(first.location?.latitude == 52.5 && !first.tls)
        #expect(try NeighboursResponse.decode(answer.encode().joined()) == answer)
    }

    @Test func `Are those of its site alone where payloads may not leave it`() throws {
        let answer = try Neighbours.of("a", in: topology(payload: "local-only"), for: .open)
        #expect(answer.neighbours.map(\.name) == ["a", "d"])
    }

    @Test func `Are told to any client of a listener for inference`() async throws {
        let node = try TestGateway(Fleet.text(), models: ["digits": FakeModel(.holds)])
        let client = try TestClient(node.open)
        defer {
            client.stop()
            node.stop()
        }
        let told: Result<NeighboursResponse, Fault> = await client.ask(
            RPCPath.neighbours, NeighboursRequest())
        #expect(try told.get().neighbours.map(\.name) == ["region"], "the leaf's port is not known")
    }
}

extension [Bytes] {
    /// All slices as one.
    fileprivate func joined() -> Bytes { Bytes(flatMap(\.array)) }
}
