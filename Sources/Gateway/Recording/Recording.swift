import EventLoop
public import Ground
import Node
import Storage

/// Where a node writes down what its shards hear and do, so that it can be lived through again:
/// a folder with one log a loop, and every topology that the node was under.
public struct Recording: Sendable {
    /// Bytes of one loop's log at most, when nothing else is said. 64 MiB hold some hundred
    /// thousand frames; the log is read into memory as a whole.
    public static let usualLimit = 64 << 20
    /// The largest limit. A log is replayed in memory.
    public static let mostLimit = 1 << 30
    /// Recordings of one node that are kept in a folder, the new one among them: those of the last
    /// starts, which are looked at when a node has died.
    public static let most = 4
    /// A number has six digits: a million starts.
    private static let digits = 6

    /// Of this recording alone.
    let folder: String
    /// Bytes of one loop's log at most.
    let limit: Int

    /// Makes the folder `NODE-NUMBER` in `parent`, with the topology in it, and removes the oldest
    /// ones of the node. Blocks.
    ///
    /// - Throws: when something cannot be written there.
    public init(
        of node: String, in parent: String, limit: Int = usualLimit,
        _ reading: TopologySource.Reading
    ) throws(Fault) {
        let disk = FileDisk()
        try disk.makeFolder(parent)
        let old = try disk.list(parent).compactMap { Self.number($0, of: node) }.sorted()
        let number = (old.last ?? 0) + 1
        for past in old.dropLast(Self.most - 1) {
            try disk.removeFolder("\(parent)/\(Self.name(past, of: node))")
        }
        folder = "\(parent)/\(Self.name(number, of: node))"
        self.limit = limit
        try disk.makeFolder(folder)
        try keep(reading)
    }

    /// Keeps a copy of a topology that the node takes over. Blocks.
    func keep(_ reading: TopologySource.Reading) throws(Fault) {
        let disk = FileDisk()
        let place = Self.topology(reading.digest, in: folder)
        guard disk.kind(place) == nil else { return }
        try disk.makeFolder(place)
        for source in reading.sources {
            let name = source.name.split(separator: "/").last ?? "topology.yaml"
            try disk.replace("\(place)/\(name)", with: source.bytes)
        }
    }

    /// Where a loop's log lies.
    func log(of loop: Int) -> String { "\(folder)/loop-\(loop)\(Self.suffix)" }

    /// How a log's name ends.
    public static let suffix = ".events"

    /// Where a recording keeps a topology.
    public static func topology(_ digest: Digest, in folder: String) -> String {
        "\(folder)/topology-\(digest.hex.prefix(12))"
    }

    private static func name(_ number: Int, of node: String) -> String {
        let text = String(number)
        return "\(node)-\(String(repeating: "0", count: max(0, digits - text.count)))\(text)"
    }

    private static func number(_ name: String, of node: String) -> Int? {
        guard name.hasPrefix("\(node)-") else { return nil }
        let rest = name.dropFirst(node.count + 1)
        return rest.count >= digits && rest.allSatisfy(\.isNumber) ? Int(rest) : nil
    }
}
