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
        #expect(topology.notices.count == 2)
        #expect(topology.notices[0].hasPrefix("t.yaml:7:") && topology.notices[0].contains("ring"))
        #expect(topology.notices[1].hasPrefix("t.yaml:8:"))
        #expect(topology.notices[1].contains("keeps alerts alone"))
    }

    @Test func `A node that keeps what nobody takes is named, others are not`() throws {
        func notices(_ records: String) throws -> [String] {
            let text = """
                canopy: 1
                nodes:
                  leaf: { tier: leaf, listen: 127.0.0.1:1, budget: { spool: 1GiB } }
                  region: { tier: regional, listen: 127.0.0.1:2\(records) }
                """
            return try Topology(validating: TopologyFile(text: text, name: "t.yaml")).notices
        }
        #expect(try notices("").first?.contains("region keeps no records") == true)
        #expect(try notices(", records: { folder: r }").isEmpty)
    }
}
