import Foundation
import Testing

/// The repository's root, found from this file.
private let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// Which rooms a room may import. Arrows point down only; a middle room may use another middle
/// room only where it is listed here, so a new arrow is a decision that somebody reads.
private let allowed: [String: Set<String>] = [
    "Ground": [],
    "Cryptography": ["Ground"],
    "Storage": ["Ground"],
    "EventLoop": ["Ground"],
    "Wire": ["Ground"],
    "HTTP": ["Ground", "Cryptography"],
    "Topology": ["Ground"],
    "Bundles": ["Ground", "Cryptography", "Storage"],
    "Spool": ["Ground", "Cryptography"],
    "Routing": ["Ground"],
    "Inference": ["Ground", "Bundles"],
    "Telemetry": ["Ground", "Wire"],
    "Compression": ["Ground"],
    "Alerts": ["Ground", "HTTP"],
    "Records": ["Ground", "Cryptography", "Storage"],
    "Node": ["Ground", "Routing", "Topology"],
    "Simulation": [
        "Ground", "Cryptography", "Spool", "Records", "Routing", "Telemetry", "Topology", "Node",
    ],
    "CanopyClient": [
        "Ground", "Cryptography", "Storage", "EventLoop", "Wire", "HTTP", "Routing",
    ],
    "Gateway": [
        "Ground", "Cryptography", "Storage", "EventLoop", "Wire", "HTTP", "Topology", "Bundles",
        "Routing", "Inference", "Telemetry", "Alerts", "Compression", "Spool", "Records", "Node",
    ],
    "canopy": [
        "Ground", "Cryptography", "Storage", "EventLoop", "Wire", "HTTP", "Topology", "Bundles",
        "Records", "Routing", "Inference", "Telemetry", "Node", "Gateway", "Simulation",
        "CanopyClient",
    ],
]

/// Rooms whose decisions are values: no clock, disk, socket, thread or Foundation in reach.
private let pure: Set<String> = ["Ground", "Routing", "Node", "Simulation"]

private struct SourceFile {
    let room: String
    let name: String
    let lines: [Substring]

    var imports: [String] {
        lines.compactMap { line in
            let words = line.split(separator: " ")
            guard let at = words.firstIndex(of: "import"), at < 3, words.count > at + 1 else {
                return nil
            }
            let prefixes = words[..<at]
            guard prefixes.allSatisfy({ $0 == "public" || $0.hasPrefix("@") }) else { return nil }
            return String(words[at + 1])
        }
    }
}

private func swiftFiles(under folder: String) -> [SourceFile] {
    let base = root.appending(path: folder)
    let found = FileManager.default.enumerator(atPath: base.path)
    let names = found?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix(".swift") }.sorted().compactMap { name in
        guard let text = try? String(contentsOf: base.appending(path: name), encoding: .utf8) else {
            return nil
        }
        return SourceFile(
            room: String(name.split(separator: "/")[0]), name: "\(folder)/\(name)",
            lines: text.split(separator: "\n", omittingEmptySubsequences: false))
    }
}

@Test func `Imports point down and keep to the allow-list`() {
    let files = swiftFiles(under: "Sources")
    #expect(files.count > 15)
    for file in files {
        guard let below = allowed[file.room] else {
            Issue.record("\(file.name): the room \(file.room) is not in the allow-list")
            continue
        }
        for name in file.imports where allowed[name] != nil && !below.contains(name) {
            Issue.record("\(file.name) imports \(name), which \(file.room) may not use")
        }
    }
}

@Test func `Pure rooms reach no clock, disk, socket or thread`() {
    for file in swiftFiles(under: "Sources") where pure.contains(file.room) {
        for name in file.imports where allowed[name] == nil && name != "Synchronization" {
            Issue.record("\(file.name) imports \(name)")
        }
    }
}

@Test func `A C library is imported by one room`() {
    var rooms: [String: Set<String>] = [:]
    for file in swiftFiles(under: "Sources") {
        for name in file.imports where name.hasPrefix("C") && allowed[name] == nil {
            rooms[name, default: []].insert(file.room)
        }
    }
    for (library, users) in rooms.sorted(by: { $0.key < $1.key }) where users.count > 1 {
        Issue.record("\(library) is imported by \(users.sorted())")
    }
}

@Test func `Files are about one thing: at most 500 lines of at most 100 columns`() {
    var lengths: [Int] = []
    for file in ["Sources", "Tests", "Tools"].flatMap(swiftFiles(under:)) {
        if file.name.hasPrefix("Sources") { lengths.append(file.lines.count) }
        if file.lines.count > 501 {
            Issue.record("\(file.name) has \(file.lines.count - 1) lines")
        }
        // Bytes first: counting characters of every line takes seconds in a debug build.
        for (number, line) in file.lines.enumerated()
        where line.utf8.count > 100 && line.count > 100 {
            Issue.record("\(file.name):\(number + 1) has \(line.count) columns")
        }
    }
    let median = lengths.sorted()[lengths.count / 2]
    #expect(median <= 150)
}

@Test func `The top level holds what it should and nothing else`() throws {
    let expected: Set<String> = [
        "Package.swift", "Sources", "Tests", "Topology", "Tools", "README.md", ".gitignore",
        ".swift-format", ".ci", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
    ]
    let ignored: Set<String> = [
        ".git", ".swiftpm", ".venv", ".cache", "Package.resolved", ".pytest_cache",
    ]
    let names = try FileManager.default.contentsOfDirectory(atPath: root.path)
    for name in names where !expected.contains(name) && !ignored.contains(name) {
        if !name.hasPrefix(".build") { Issue.record("\(name) does not belong at the top level") }
    }
    for name in expected where !names.contains(name) { Issue.record("\(name) is missing") }
}
