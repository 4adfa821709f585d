import Testing

@testable import Topology

@Suite struct NoticesTests {
    @Test func `What no node acts on yet is said with its place, and nothing else is`() throws {
        let digest = "sha256:" + String(repeating: "1", count: 64)
        let text = """
            canopy: 1
            nodes:
              leaf:
                tier: leaf
                listen: 127.0.0.1:8443
                routing: { hedge: off }
                ring: canary
                budget: { memory: 1GiB, spool: 2GiB }
            tasks:
              digits:
                leaf: { bundle: "\(digest)" }
                offline: fail-closed
                alert: { labels: ["9"], at: 0.98 }
              plain:
                leaf: { bundle: "\(digest)" }
            """
        let topology = try Topology(validating: TopologyFile(text: text, name: "t.yaml"))
        let words = topology.notices.map { $0.split(separator: "`")[1] }
        #expect(words == ["ring", "budget.spool"])
        #expect(topology.notices[0].hasPrefix("t.yaml:7:"))
        #expect(topology.notices[1].hasPrefix("t.yaml:8:"))
    }
}
