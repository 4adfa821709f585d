import Cryptography
public import Ground
import Storage
public import Topology

/// Where a node's topology comes from, so that it can be read again.
public struct TopologySource: Sendable {
    /// A file, or a folder of them.
    public let path: String

    /// What was read: checked, and with the digest of what it was made of.
    public struct Reading: Sendable {
        public let topology: Topology
        /// SHA-256: of the file's bytes; of a folder, of the lines that `sha256sum *.yaml` prints.
        public let digest: Digest
        /// The files themselves, by the names that faults show.
        var sources: [(name: String, bytes: [UInt8])] = []
    }

    /// Why a topology is not to be had: one line a fault, with its place and remedy.
    public struct Refusal: Error, CustomStringConvertible {
        public let lines: [String]

        init(_ lines: [String]) { self.lines = lines }

        public var description: String { lines.joined(separator: "\n") }
    }

    public init(path: String) { self.path = path }

    /// Reads and checks. Blocks, and takes up to 0.5 MiB of stack: never on a loop.
    public func read() throws(Refusal) -> Reading {
        var sources: [(name: String, bytes: [UInt8])] = []
        do throws(Fault) {
            sources = try TopologyFile.sources(at: path, from: FileDisk())
        } catch {
            throw Refusal(["\(error)"])
        }
        do throws(TopologyFaults) {
            return Reading(
                topology: try Topology(validating: TopologyFile(sources)),
                digest: Self.digest(of: sources), sources: sources)
        } catch {
            throw Refusal(error.description.split(separator: "\n").map(String.init))
        }
    }

    private static func digest(of sources: [(name: String, bytes: [UInt8])]) -> Digest {
        if sources.count == 1 { return Hash.sha256(sources[0].bytes) }
        let lines = sources.map { source in
            let name = source.name.split(separator: "/").last ?? ""
            return "\(Hash.sha256(source.bytes).hex)  \(name)\n"
        }
        return Hash.sha256(Array(lines.joined().utf8))
    }
}
