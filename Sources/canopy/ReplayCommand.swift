import ArgumentParser
import Gateway
import Ground
import Node
import Routing
import Storage
import Topology

/// `canopy replay`: lives through what a node recorded.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Live through what a node recorded, and compare all that it does.",
        discussion: """
            `canopy serve --record FOLDER` writes down what each loop of a node hears, when, and \
            what it does. Here the same decisions are made again from it, without sockets, models \
            or clocks, and compared one by one. The first difference is named, with exit status 1: \
            the program that replays decides otherwise than the one that recorded.

            A node that was killed leaves a log without an end; it is good up to the last quarter \
            of a second.
            """)

    @Argument(help: "A recording's folder, such as FOLDER/leaf-000001, or one log of it.")
    var recording: String

    @Option(help: "Also write the result as JSON to this file; - prints it instead.")
    var json: String?

    func run() throws {
        let logs = try attempt { () throws(Fault) in try Self.logs(in: recording) }
        let results = logs.map { RecordedLoop(at: $0) }
        let list = JSON.object(["loops": .array(results.map(\.json))])
        if let json, json != "-" {
            try attempt { () throws(Fault) in try FileDisk().replace(json, with: list.canonical) }
        }
        json == "-" ? print(list.line) : results.forEach { print($0.text) }
        if results.contains(where: { $0.fault != nil }) { throw ExitCode.failure }
    }

    private static func logs(in path: String) throws(Fault) -> [String] {
        if path.hasSuffix(Recording.suffix) { return [path] }
        let names = try FileDisk().list(path).filter { $0.hasSuffix(Recording.suffix) }
        guard !names.isEmpty else {
            throw Fault(
                .notFound, "the folder \(path) holds no recording",
                remedy: "give the folder of one start, such as \(path)/leaf-000001")
        }
        return names.map { "\(path)/\($0)" }
    }
}

/// What came of replaying one loop's log.
struct RecordedLoop {
    let path: String
    private(set) var replay: Replay?
    /// What was wrong with the log, or the first difference.
    private(set) var fault: Fault?

    init(at path: String) {
        self.path = path
        do throws(Fault) {
            var replay = try Replay(FileDisk().read(path, limit: Recording.mostLimit))
            do throws(Fault) { try Self.live(&replay, in: path) } catch { fault = error }
            self.replay = replay
        } catch {
            fault = error
        }
    }

    private static func live(_ replay: inout Replay, in path: String) throws(Fault) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let header = replay.header
        guard let digest = header.topology else {
            throw Fault(.unsupported, "\(path) does not say which topology the node had")
        }
        var blueprint = try blueprint(digest, header.node, in: folder)
        var node = Node(
            try blueprint.surroundings(header.place, seed: header.seed, now: header.start))
        try replay.run(&node) { (digest, now) throws(Fault) in
            blueprint = try Self.blueprint(digest, header.node, in: folder).succeeding(blueprint)
            return try blueprint.surroundings(header.place, seed: header.seed, now: now)
        }
    }

    private static func blueprint(
        _ digest: Digest, _ node: String, in folder: String
    ) throws(Fault) -> Blueprint {
        let path = Recording.topology(digest, in: folder)
        let reading: TopologySource.Reading
        do throws(TopologySource.Refusal) {
            reading = try TopologySource(path: path).read()
        } catch {
            throw Fault(.invalid, "the recorded topology is not to be had: \(error)")
        }
        guard reading.digest == digest else {
            throw Fault(
                .corrupt, "\(path) is \(reading.digest.short), and \(digest.short) was recorded",
                remedy: "replay with the files as the node wrote them")
        }
        guard let plan = reading.topology.node(named: node) else {
            throw Fault(.corrupt, "the topology in \(path) has no node '\(node)'")
        }
        return Blueprint(reading.topology, node: plan)
    }

    private var seconds: Double {
        replay.map { ($0.now - $0.header.start).seconds } ?? 0
    }

    /// How the log ends, in a few words.
    private var ending: String {
        switch replay?.end {
        case .node: "to the node's end"
        case .bound: "until the log was full"
        case .disk: "until the disk was too slow or failed"
        case nil: "cut off: \(replay?.leftOut ?? 0) bytes of a last record are left out"
        }
    }

    var text: String {
        let head = replay.map { replay in
            "\(path): loop \(replay.header.place.number) of \(replay.header.place.count) of node"
                + " \(replay.header.node): \(replay.events) events, \(replay.effects) effects,"
                + " \(replay.adoptions) reloads in \(Int(seconds * 1000)) ms"
        }
        guard let fault else { return "\(head ?? path), \(ending): identical" }
        return "\(head ?? path): \(fault)"
    }

    var json: JSON {
        var members: [String: JSON] = [
            "log": .string(path), "identical": .bool(fault == nil), "seconds": .real(seconds),
            "events": .integer(replay?.events ?? 0), "effects": .integer(replay?.effects ?? 0),
            "reloads": .integer(replay?.adoptions ?? 0), "ended": .bool(replay?.end != nil),
        ]
        if let fault { members["fault"] = .string("\(fault)") }
        return .object(members)
    }
}
