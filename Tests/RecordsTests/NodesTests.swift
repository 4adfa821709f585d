import Ground
import Testing

@testable import Records

@Suite struct NodesTests {
    private typealias Make = StoreFixture

    private func incident(_ began: Int64, ended: Int64? = nil, words: String = "") -> NodeIncident {
        NodeIncident(
            kind: "disconnected", subject: "region", began: Make.after(began),
            ended: ended.map { Make.after($0) }, words: words)
    }

    @Test func `The last report of a node counts, and its incidents add up`() throws {
        let fixture = try StoreFixture()
        let store = fixture.store
        try store.keep(report: [1], of: "leaf", site: "mill", now: Make.after(1))
        try store.keep(report: [2], of: "leaf", site: "mill", now: Make.after(5))
        try store.keep(report: [3], of: "other", site: "", now: Make.after(6))
        try store.keep([incident(1)], of: "leaf", site: "mill", now: Make.after(2))
        try store.keep(
            [incident(1, ended: 4), incident(5)], of: "leaf", site: "mill", now: Make.after(5))
        // A record that was written before the end comes after it.
        try store.keep([incident(1)], of: "leaf", site: "mill", now: Make.after(7))
        let nodes = try store.nodes()
        #expect(nodes.map(\.node) == ["other", "leaf"] && nodes.map(\.report) == [[3], [2]])
        #expect(nodes[1].heard == Make.after(5))
        #expect(nodes[1].incidents == [incident(1, ended: 4), incident(5)])
        #expect(try store.nodes(site: "mill", node: "leaf").map(\.node) == ["leaf"])
        #expect(try store.nodes(site: "mill", node: "other").isEmpty)
        let early = try store.nodes(node: "leaf", until: Make.after(3))
        #expect(early[0].incidents == [incident(1, ended: 4)])
        let late = try store.nodes(node: "leaf", from: Make.after(4).later)
        #expect(late[0].incidents == [incident(5)])
    }

    @Test func `What nodes said is purged with records, and an audit entry says so`() throws {
        let fixture = try StoreFixture()
        let store = fixture.store
        try store.keep(report: [1], of: "leaf", site: "mill", now: Make.after(1))
        try store.keep([incident(1)], of: "leaf", site: "mill", now: Make.after(1))
        #expect(try store.purge(now: Make.after(1000)).isEmpty)
        let purged = try store.purge(now: Make.after(1002))
        #expect(purged.map(\.kind) == ["incidents", "reports"])
        #expect(try store.nodes().isEmpty)
        var entries: [Purged] = []
        let damaged = try store.notes(NoteQuery(.audit)) { note in
            entries += [Purged(entry: note.body)].compactMap(\.self)
            return true
        }
        #expect(damaged == 0 && entries == purged.reversed())
    }

    @Test func `A text that is too long is no incident`() throws {
        let fixture = try StoreFixture()
        let store = fixture.store
        try store.keep(report: [1], of: "leaf", site: "mill", now: Make.after(1))
        let long = String(repeating: "x", count: 600)
        try store.keep([incident(1, words: long)], of: "leaf", site: "mill", now: Make.after(1))
        #expect(try store.nodes()[0].incidents.isEmpty)
    }

    @Test func `Notes are found by time and node, the newest first`() throws {
        let fixture = try StoreFixture()
        for (node, count) in [("leaf-a", 5), ("leaf-b", 3)] {
            let records = (1...count).map { number in
                Owed(
                    sequence: UInt64(number), at: Make.after(Int64(number)), clock: 1,
                    .note([UInt8(number)]))
            }
            try fixture.ingest(records, from: Make.origin(node, .telemetry))
        }
        func found(_ change: (inout NoteQuery) -> Void) throws -> [UInt8] {
            var query = NoteQuery(.telemetry)
            change(&query)
            var bodies: [UInt8] = []
            _ = try fixture.store.notes(query) { note in
                bodies += note.body
                return bodies.count < 100
            }
            return bodies
        }
        #expect(try found { _ in } == [5, 4, 3, 3, 2, 2, 1, 1])
        #expect(try found { $0.node = "leaf-b" } == [3, 2, 1])
        #expect(try found { ($0.from, $0.until) = (Make.after(2), Make.after(4)) } == [3, 3, 2, 2])
        #expect(try found { $0.site = "nowhere" } == [])
        #expect(try found { $0.queue = .audit } == [])
        #expect(
            try found { $0.after = RecordQuery.Cursor(at: Make.after(3), row: 1) }
                == [2, 2, 1, 1])
    }
}

extension WallTime {
    fileprivate var later: WallTime { WallTime(nanoseconds: nanoseconds + 1) }
}
