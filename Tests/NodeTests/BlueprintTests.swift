import Ground
import Routing
import Testing
import Topology

@testable import Node

@Suite("What a topology says of one node")
struct BlueprintTests {
    static let fleet = """
        canopy: 1
        sites:
          mill: { location: [52.52, 13.40] }
          hall: { location: [48.14, 11.58] }
        nodes:
          leaf: { tier: leaf, site: mill, listen: 127.0.0.1:8443 }
          near: { tier: regional, site: hall, listen: 127.0.0.1:8444 }
          far: { tier: regional, listen: 127.0.0.1:8445 }
          triton: { tier: cloud, protocol: open-inference, address: triton.example:8001 }
        tasks:
          a-digits:
            leaf: { bundle: "sha256:\(String(repeating: "1", count: 64))", accept: 0.9 }
            regional: { bundle: "sha256:\(String(repeating: "2", count: 64))", accept: 0.8 }
            cloud: { model: digits_ensemble }
            confidence: margin
            mode: refine
            escalate: { share: 8%, bandwidth: 8Mbit/s, burst: 5s, audit: 1% }
          b-echo:
            leaf: { builtin: identity }
          c-heavy:
            regional: { bundle: "sha256:\(String(repeating: "3", count: 64))" }
          d-private:
            leaf: { bundle: "sha256:\(String(repeating: "4", count: 64))" }
            payload: local-only
        """

    private func blueprint(_ node: String) throws -> Blueprint {
        let topology = try Topology(
            validating: TopologyFile(text: Self.fleet, name: "fleet.yaml"))
        return Blueprint(topology, node: try #require(topology.node(named: node)))
    }

    @Test func `A leaf takes frames of every task that it or a higher tier runs`() throws {
        let leaf = try blueprint("leaf")
        #expect(leaf.tasks.map(\.name) == ["a-digits", "b-echo", "c-heavy", "d-private"])
        #expect(leaf.tasks.map(\.hasBundle) == [true, false, false, true])
        #expect(leaf.tasks[0].measure == .margin && leaf.tasks[0].mode == .refine)
    }

    @Test func `A regional node takes no frames of a task that only leaves run`() throws {
        #expect(try blueprint("near").tasks.map(\.name) == ["a-digits", "c-heavy"])
    }

    @Test func `Each task knows its peers, and a peer counts once`() throws {
        let leaf = try blueprint("leaf")
        #expect(leaf.peers.map(\.plan.name) == ["far", "near", "triton"])
        #expect(leaf.tasks.map(\.levels) == [[[0, 1], [2]], [], [[0, 1]], []])
    }

    @Test func `A foreign server is asked by the name that the model has there`() throws {
        let near = try blueprint("near")
        #expect(near.peers.map(\.plan.name) == ["triton"])
        #expect(near.model(of: near.tasks[0], at: near.peers[0]) == "digits_ensemble")
        let leaf = try blueprint("leaf")
        #expect(leaf.model(of: leaf.tasks[0], at: leaf.peers[0]) == "a-digits")
    }

    @Test func `Geography stands in for a round trip until one is measured`() throws {
        let leaf = try blueprint("leaf")
        // Berlin to Munich is 504 km: about 8.6 ms by fibre. Nobody said where `far` is.
        #expect(leaf.peers[0].prior == Blueprint.unknownDistance)
        #expect((7...10).contains(leaf.peers[1].prior.milliseconds))
    }

    @Test func `Each loop knows the whole bandwidth and a burst lasts as long as stated`() throws {
        let leaf = try blueprint("leaf")
        let world = try leaf.surroundings(
            ShardPlace(1, of: 2), seed: 1, now: Instant(nanoseconds: 0))
        #expect(world.courses[0].budget.limits.bandwidth == 1_000_000)
        #expect(world.courses[0].budget.limits.burstBytes == 5_000_000)
        #expect(world.courses[0].audits.share == 0.01)
        #expect(world.courses.map(\.mayLeave) == [true, true, true, false])
        #expect(world.courses.allSatisfy { !$0.hasModel })
        #expect(world.peers.count == 3)
    }

    @Test(arguments: 1...5)
    func `Places and free retries are split, and all parts are the whole`(_ loops: Int) throws {
        let leaf = try blueprint("leaf")
        let parts = try (0..<loops).map { number in
            try leaf.surroundings(
                ShardPlace(number, of: loops), seed: 1, now: Instant(nanoseconds: 0)
            ).policy
        }
        let whole = try leaf.surroundings(seed: 1, now: Instant(nanoseconds: 0)).policy
        let places = parts.reduce(0) { $0 + $1.admission.mostPlaces }
        #expect(places == whole.admission.mostPlaces)
        #expect(parts.reduce(0) { $0 + $1.retries.floor } == whole.retries.floor)
    }
}
