import Foundation
import Ground
import Testing

@testable import Topology

/// The topology that scenarios of these tests are for.
private let base = """
    canopy: 1
    sites: { mill: {}, hall: {} }
    nodes:
      leaf-1: { tier: leaf, site: mill, listen: 0.0.0.0:1 }
      leaf-2: { tier: leaf, site: mill, listen: 0.0.0.0:1 }
      region: { tier: regional, site: hall, listen: 0.0.0.0:1, address: r.example:1 }
      cloud: { tier: cloud, protocol: open-inference, address: c.example:1 }
    tasks:
      look:
        leaf: { bundle: "sha256:\(String(repeating: "c", count: 64))", accept: 0.9 }
        cloud: { model: look }
    """

@Suite struct ScenarioTests {
    private func scenario(_ text: String, _ name: String = "s.yaml") throws -> Scenario {
        try Scenario(
            validating: TopologyFile(text: text, name: name, of: .scenario), for: topology(base))
    }

    @Test func `A scenario that says nothing is an ordinary ten minutes`() throws {
        let plan = try scenario("scenario: 1", "a-folder/slow-link.yaml")
        #expect(plan.title == "slow link" && plan.duration == .seconds(600))
        #expect(plan.links.isEmpty && plan.engines.isEmpty && plan.happenings.isEmpty)
        let load = try #require(plan.loads.first)
        #expect(plan.loads.count == 1 && load.to.nodes == [1, 2] && load.task == 0)
        #expect(load.cameras == 1 && load.every == .seconds(1) && load.rhythm == .steady)
        #expect(load.urgency == .realtime && load.mode == nil && load.unsure == 0.12)
        #expect(plan.lasting(.seconds(5)).duration == .seconds(5))
    }

    @Test func `A name means a node, else a site, else a tier`() throws {
        let text = """
            scenario: 1
            happenings:
              - { at: 1s, kill: region }
              - { at: 2s, kill: mill }
              - { at: 3s, kill: cloud }
              - { at: 4s, kill: leaf }
              - { at: 5s, kill: all }
            """
        let nodes = try scenario(text).happenings.map { happening -> [Int] in
            guard case .kill(let target) = happening.what else { return [] }
            return target.nodes
        }
        #expect(nodes == [[3], [1, 2], [0], [1, 2], [0, 1, 2, 3]])
    }

    @Test func `Happenings come in the order of their times`() throws {
        let text = """
            scenario: 1
            duration: 1h
            happenings:
              - { at: 9m, for: 1m, link: { between: [mill, hall], loss: 5%, flap: 20s } }
              - { at: 3m, clock: { of: leaf-1, step: -5s, drift: -200ppm } }
              - { at: 3m, restart: leaf, apart: 30s }
            """
        let happenings = try scenario(text).happenings
        #expect(happenings.map(\.at) == [.seconds(180), .seconds(180), .seconds(540)])
        guard case .clock(_, let step, let drift) = happenings[0].what,
            case .link(_, let traits, let flap) = happenings[2].what
        else {
            Issue.record("the order is another")
            return
        }
        #expect(step == .seconds(-5) && drift == -200 && happenings[1].apart == .seconds(30))
        #expect(traits.loss == 0.05 && traits.latency == nil && flap == .seconds(20))
    }

    /// With `CANOPY_UPDATE_EXPECTED=1` the expectations are written anew, and the test fails so
    /// that nobody leaves it on.
    @Test(arguments: try! names(in: "invalid/scenarios"))
    func `Every invalid scenario gets exactly its messages`(_ name: String) throws {
        let path = "invalid/scenarios/\(name)"
        let place = samples.appending(path: path).deletingPathExtension()
            .appendingPathExtension("expected")
        var found = ""
        do throws(TopologyFaults) {
            let file = TopologyFile([(name, (try? bytes(path)) ?? [])], of: .scenario)
            _ = try Scenario(validating: file, for: topology(base))
        } catch {
            found = error.description + "\n"
        }
        if ProcessInfo.processInfo.environment["CANOPY_UPDATE_EXPECTED"] == "1" {
            try found.write(to: place, atomically: true, encoding: .utf8)
            Issue.record("wrote \(place.lastPathComponent)")
        }
        #expect(try String(contentsOf: place, encoding: .utf8) == found)
        #expect(!found.isEmpty)
    }
}
