public import Ground

/// One topology as it was written: the values of one file, or of several merged as one, each with
/// its place; not checked yet. Only `Topology.init(validating:)` makes something of it.
///
/// Files of a folder are read in the order of their names. Lists and maps of the top level are
/// joined; a name or setting that two files give is a fault.
///
/// Reading takes up to 0.5 MiB of stack for nesting, where the YAML library stops at 1000 levels:
/// give the thread 1 MiB.
public struct TopologyFile: Sendable {
    /// The top level, of all files.
    let root: Entry
    /// What could not be read.
    let faults: [TopologyFault]
    /// Whether some values are missing for that.
    let isPartial: Bool
    /// The files' names, sorted.
    public let files: [String]

    /// Takes files that are in memory already, named as faults shall name them.
    ///
    /// Relative paths inside a file are taken from the folder part of its name. A file that cannot
    /// be read is no error here: `Topology.init(validating:)` reports it with all the others.
    public init(_ sources: [(name: String, bytes: [UInt8])], of kind: Kind = .topology) {
        let report = Report()
        let sources = sources.sorted { $0.name < $1.name }
        var merger = Merger(report, kind)
        for (name, bytes) in sources {
            if let root = Self.read(bytes, name, report) {
                merger.add(root)
            } else {
                report.isPartial = true
            }
        }
        files = sources.map(\.name)
        root = Entry(
            place: Place(file: files.first ?? "topology", line: 1, column: 1),
            content: .map(merger.members))
        faults = report.faults
        isPartial = report.isPartial
    }

    /// What a file is meant to be, for its faults.
    public enum Kind: String, Sendable {
        case topology, scenario

        /// How such a file begins.
        var head: String { self == .topology ? "canopy: 1" : "scenario: 1" }
    }

    private static func read(_ bytes: [UInt8], _ name: String, _ report: Report) -> Entry? {
        guard let source = SourceText(bytes, name: name, report) else { return nil }
        var reader = YAMLReader(source, report)
        return reader.read()
    }

    /// Takes one text, named `name` in faults.
    public init(text: String, name: String, of kind: Kind = .topology) {
        self.init([(name, Array(text.utf8))], of: kind)
    }

    /// Reads a file, or all `*.yaml` and `*.yml` of a folder (not of its subfolders).
    ///
    /// - Parameter path: A file when it ends in `.yaml` or `.yml`, a folder otherwise.
    /// - Throws: what `disk` says when the file or folder is not there; `.notFound` when the folder
    ///   holds no such file; `.exhausted` when there are too many.
    public init(at path: String, from disk: any Disk, of kind: Kind = .topology) throws(Fault) {
        self.init(try Self.sources(at: path, from: disk), of: kind)
    }

    /// The files that `init(at:from:)` would take, by their names in order, as they stand on disk;
    /// faults are the same.
    public static func sources(
        at path: String, from disk: any Disk
    ) throws(Fault) -> [(name: String, bytes: [UInt8])] {
        guard !isYAML(path) else {
            return [(path, try disk.read(path, limit: Bounds.fileBytes))]
        }
        let names = try disk.list(path).filter(isYAML)
        guard !names.isEmpty else {
            throw Fault(
                .notFound, "the folder \(path) holds no *.yaml file",
                remedy: "give a topology file, or a folder that holds some")
        }
        guard names.count <= Bounds.files else {
            throw Fault(
                .exhausted,
                "the folder \(path) holds \(names.count) *.yaml files, more than \(Bounds.files)",
                remedy: "join some of them")
        }
        let folder = path.hasSuffix("/") ? path : path + "/"
        var sources: [(name: String, bytes: [UInt8])] = []
        var left = Bounds.totalBytes
        for name in names {
            let bytes = try disk.read(folder + name, limit: min(left, Bounds.fileBytes))
            left -= bytes.count
            sources.append((folder + name, bytes))
        }
        return sources
    }

    private static func isYAML(_ path: String) -> Bool {
        path.hasSuffix(".yaml") || path.hasSuffix(".yml")
    }
}

/// Joins the top levels of several files.
private struct Merger {
    private(set) var members: [Member] = []
    private let report: Report
    private let kind: TopologyFile.Kind

    init(_ report: Report, _ kind: TopologyFile.Kind) {
        self.report = report
        self.kind = kind
    }

    mutating func add(_ root: Entry) {
        switch root.content {
        case .nothing: break
        case .unreadable: report.isPartial = true
        case .map(let new): for member in new { add(member) }
        case .scalar, .list:
            report.isPartial = true
            report.add(
                root.place, "a \(kind.rawValue) is a map, this is \(root.kind)",
                "begin with `\(kind.head)` and the sections")
        }
    }

    private mutating func add(_ new: Member) {
        guard let index = members.firstIndex(where: { $0.key == new.key }) else {
            members.append(new)
            return
        }
        switch (members[index].value.content, new.value.content) {
        case (.map(let old), .map(let more)):
            members[index].value.content = .map(join(old, more))
        case (.list(let old), .list(let more)):
            members[index].value.content = .list(old + more)
        case (.nothing, _): members[index] = new
        case (_, .nothing), (.unreadable, _), (_, .unreadable): break
        case (.scalar(let old), .scalar(let again)) where old == again: break
        default:
            report.add(
                new.place, "\(quoted(new.key)) was already given at \(members[index].place)",
                "keep one of the two")
        }
    }

    private func join(_ old: [Member], _ more: [Member]) -> [Member] {
        var places: [String: Place] = [:]
        for member in old { places[member.key] = member.place }
        return old
            + more.filter { member in
                guard let place = places[member.key] else { return true }
                report.add(
                    member.place, "\(quoted(member.key)) was already given at \(place)",
                    "keep one of the two")
                return false
            }
    }
}
