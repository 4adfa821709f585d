import Ground
import Testing

@testable import Topology

/// A folder in memory.
private struct Folder: Disk {
    let files: [String: String]

    func read(_ path: String, limit: Int) throws(Fault) -> [UInt8] {
        guard let text = files[path] else { throw Fault(.notFound, "no \(path)") }
        guard text.utf8.count <= limit else { throw Fault(.exhausted, "\(path) is too large") }
        return Array(text.utf8)
    }
    func replace(_ path: String, with bytes: [UInt8]) throws(Fault) {
        throw Fault(.unsupported, "read only")
    }
    func list(_ folder: String) throws(Fault) -> [String] {
        let prefix = folder.hasSuffix("/") ? folder : folder + "/"
        return files.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            .sorted()
    }
    func size(_ path: String) -> Int? { files[path]?.utf8.count }
    func remove(_ path: String) throws(Fault) { throw Fault(.unsupported, "read only") }
}

@Suite struct ReadingTests {
    private let nodes = "canopy: 1\nnodes:\n  leaf: { tier: leaf, listen: 127.0.0.1:8443 }\n"

    @Test func `A folder of files is one topology`() throws {
        let disk = Folder(files: [
            "fleet/a.yaml": nodes + "models: [one]\nlimits: { connections: 3 }\n",
            "fleet/b.yml":
                "nodes:\n  cloud: { tier: cloud, listen: 127.0.0.1:8445 }\nmodels: [/two]\n"
                + "limits: { streams: 4 }\n",
            "fleet/notes.txt": "{{{",
        ])
        let topology = try Topology(validating: TopologyFile(at: "fleet", from: disk))
        #expect(topology.files == ["fleet/a.yaml", "fleet/b.yml"])
        #expect(topology.nodes.map(\.name) == ["cloud", "leaf"])
        #expect(topology.models == ["fleet/one", "/two"])
        #expect(topology.nodes[0].limits.connections == 3 && topology.nodes[0].limits.streams == 4)
        #expect(topology.place(of: "nodes", "cloud").description == "fleet/b.yml:2:3")
    }

    @Test func `What two files both give is a fault in the second`() throws {
        let file = TopologyFile([
            ("a.yaml", Array((nodes + "limits: { connections: 3 }\n").utf8)),
            ("b.yaml", Array((nodes + "limits: { connections: 4 }\n").utf8)),
        ])
        let error = try #require(throws: TopologyFaults.self) { try Topology(validating: file) }
        #expect(
            error.faults.map(\.description) == [
                "b.yaml:3:3: `leaf` was already given at a.yaml:3:3; keep one of the two",
                "b.yaml:4:11: `connections` was already given at a.yaml:4:11; keep one of the two",
            ])
    }

    @Test func `A broken file hides no faults of another and causes none there`() throws {
        let file = TopologyFile([
            ("a.yaml", Array("canopy: 1\nidentities: { x: { tasks: [t], kindd: node } }\n".utf8)),
            ("b.yaml", Array("nodes: {{\n".utf8)),
        ])
        let error = try #require(throws: TopologyFaults.self) { try Topology(validating: file) }
        #expect(error.faults.map(\.place.file) == ["a.yaml", "b.yaml"])
        #expect(error.faults.first?.problem == "identity `x` has no setting `kindd`")
    }

    @Test func `A missing file or an empty folder is a fault of its own`() {
        let disk = Folder(files: ["fleet/notes.txt": ""])
        #expect(throws: Fault.self) { try TopologyFile(at: "a.yaml", from: disk) }
        #expect(throws: Fault.self) { try TopologyFile(at: "fleet", from: disk) }
    }

    @Test func `Every key that is given twice is named with its first line`() {
        let text =
            nodes + "limits: { connections: 3, connections: 4, 'connections': 5 }\n"
            + "models: a\n\"models\": b\n"
        #expect(
            faults(text) == [
                "test.yaml:4:27: `connections` was already given on line 4; keep one of the two",
                "test.yaml:4:43: `connections` was already given on line 4; keep one of the two",
                "test.yaml:6:1: `models` was already given on line 5; keep one of the two",
            ])
    }

    @Test(arguments: ["\r\n", "\r", "\u{85}", "\u{2028}"])
    func `Places are right with every kind of line end`(_ end: String) {
        let text = ["\u{FEFF}canopy: 1", "nodes:", "  ä: {}", "  ä: {}"].joined(separator: end)
        let lines = faults(text + end).map { $0.split(separator: " ")[0] }
        #expect(lines.contains("test.yaml:4:3:") && lines.contains("test.yaml:3:3:"))
    }

    @Test(arguments: [
        String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000),
        String(repeating: "{a: ", count: 100_000), "a: " + String(repeating: "[{b: ", count: 900),
        String(repeating: "? ", count: 100_000),
    ])
    func `Endless nesting is a fault`(_ text: String) {
        #expect(faults(text).count >= 1)
    }

    @Test func `A file past its bound is refused unread`() {
        let found = faults(String(repeating: "#", count: Bounds.fileBytes + 1))
        #expect(found.count == 1 && found[0].hasPrefix("test.yaml:1:1: the file has 8388609 bytes"))
    }

    @Test func `Thousands of faults are counted, not all shown`() throws {
        let text = "canopy: 1\nnodes:\n" + (0..<5000).map { "  leaf-\($0): {}\n" }.joined()
        let error = try #require(throws: TopologyFaults.self) { try topology(text) }
        #expect(error.faults.count == Bounds.faults && error.omitted == 10_000 - Bounds.faults)
        #expect(error.description.hasSuffix("and 9744 more faults; mend these first"))
        #expect(error.fault.code == .invalid)
        #expect(error.fault.message.hasPrefix("the topology has 10000 faults:\ntest.yaml:3:3: "))
    }

    @Test func `A token that is written plainly is not repeated in the message`() {
        let found = faults(nodes + "identities: { x: { token: { sha256: open-sesame } } }\n")
        #expect(found.count == 1 && !found[0].contains("sesame"))
    }
}
