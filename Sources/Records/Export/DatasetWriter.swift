internal import Cryptography
public import Ground
internal import Storage

/// Writes a training set: its files, and a manifest that names each with its digest.
public struct DatasetWriter {
    /// The manifest's `format`.
    public static let format = "canopy.dataset/1"

    private let folder: String
    private let settings: DatasetSettings
    private let disk = FileDisk()
    private var files: [(name: String, digest: Digest, bytes: Int)] = []

    private init(_ folder: String, _ settings: DatasetSettings) {
        self.folder = folder
        self.settings = settings
    }

    /// Makes a training set of a store in `folder`, which must be new or empty. The manifest comes
    /// last: a set without one is not whole.
    ///
    /// - Parameter reader: takes a kept request apart.
    public static func export(
        _ archive: RecordArchive, to folder: String, _ settings: DatasetSettings,
        _ reader: FrameReader
    ) throws(Fault) -> DatasetReport {
        var writer = DatasetWriter(folder, settings)
        try writer.begin()
        let selection = try DatasetSelection(archive, settings, reader)
        switch settings.format {
        case .shards: try writer.shards(selection.samples, archive, reader)
        case .folder: try writer.pictures(selection.samples, archive, reader)
        }
        return try writer.finish(selection)
    }

    private func begin() throws(Fault) {
        try disk.makeFolder(folder)
        guard try disk.list(folder).isEmpty else {
            throw Fault(
                .precondition, "\(folder) is not empty",
                remedy: "name a new folder: a set is made whole, never added to")
        }
    }

    // MARK: Shards

    private mutating func shards(
        _ samples: [TrainingSample], _ archive: RecordArchive, _ reader: FrameReader
    ) throws(Fault) {
        var tar = TarArchive()
        var number = 0
        for sample in samples {
            let parts = try reader(archive.payload(sample.payload))
            var entries = Self.names(sample, parts).map { (name: $0.name, bytes: $0.part.bytes) }
            entries.append(("\(sample.name).cls", Array(sample.label.utf8)))
            entries.append(("\(sample.name).json", sample.about(parts).canonical))
            let size = entries.reduce(0) { $0 + TarArchive.size(of: $1.bytes.count) }
            if !tar.bytes.isEmpty, tar.bytes.count + size > settings.shardBytes {
                try put(Self.shard(number), tar.finished())
                (tar, number) = (TarArchive(), number + 1)
            }
            for entry in entries { tar.add(entry.name, entry.bytes) }
        }
        if !tar.bytes.isEmpty { try put(Self.shard(number), tar.finished()) }
    }

    private static func shard(_ number: Int) -> String {
        let digits = String(number)
        return "shard-\(String(repeating: "0", count: max(6 - digits.count, 0)))\(digits).tar"
    }

    // MARK: A folder of pictures

    private mutating func pictures(
        _ samples: [TrainingSample], _ archive: RecordArchive, _ reader: FrameReader
    ) throws(Fault) {
        try disk.makeFolder("\(folder)/images")
        var lines: [UInt8] = []
        for sample in samples {
            let parts = try reader(archive.payload(sample.payload))
            let names = Self.names(sample, parts)
            for (name, part) in names { try put("images/\(name)", part.bytes) }
            guard case .object(var line) = sample.about(parts) else { continue }
            line["file_name"] = .string("images/\(names[0].name)")
            lines += JSON.object(line).canonical + [UInt8(ascii: "\n")]
        }
        try put("metadata.jsonl", lines)
    }

    /// The first input has the sample's name; further ones say which they are.
    private static func names(
        _ sample: TrainingSample, _ parts: [FramePart]
    ) -> [(name: String, part: FramePart)] {
        parts.enumerated().map { index, part in
            let middle = index == 0 ? "" : ".\(index)"
            return ("\(sample.name)\(middle).\(part.suffix)", part)
        }
    }

    // MARK: Files

    private mutating func put(_ name: String, _ bytes: [UInt8]) throws(Fault) {
        try disk.replace("\(folder)/\(name)", with: bytes)
        files.append((name, Hash.sha256(bytes), bytes.count))
    }

    private mutating func finish(_ selection: DatasetSelection) throws(Fault) -> DatasetReport {
        let samples = selection.samples
        let version = Hash.sha256(
            JSON.array(
                samples.map { sample in
                    .array([
                        .string(sample.content.description), .string(sample.task),
                        .string(sample.label),
                    ])
                }
            ).canonical)
        let leftOut = selection.leftOut
        let bytes = samples.reduce(0) { $0 + $1.bytes }
        let listed = files.sorted { $0.name < $1.name }
        let manifest: JSON = .object([
            "format": .string(Self.format), "kind": .string(settings.format.rawValue),
            "version": .string(version.description), "samples": .integer(samples.count),
            "bytes": .integer(bytes), "quota": .integer(settings.quota),
            "labels": Self.counts(samples.map(\.label)), "tasks": Self.counts(samples.map(\.task)),
            "true_labels": .integer(samples.count { $0.isTrue }),
            "bundles": Self.counts(
                samples.flatMap { [$0.leaf?.bundle, $0.above?.answer.bundle] }
                    .compactMap { $0?.description }),
            "left_out": .object([
                "duplicates": .integer(leftOut.duplicates),
                "over_quota": .integer(leftOut.overQuota),
                "unlabelled": .integer(leftOut.unlabelled),
                "unreadable": .integer(leftOut.unreadable),
            ]),
            "files": .array(
                listed.map { file in
                    .object([
                        "name": .string(file.name), "sha256": .string(file.digest.hex),
                        "bytes": .integer(file.bytes),
                    ])
                }),
        ])
        try disk.replace(
            "\(folder)/manifest.json", with: manifest.canonical + [UInt8(ascii: "\n")])
        return DatasetReport(
            version: version, samples: samples.count, bytes: bytes, files: listed.map(\.name),
            leftOut: leftOut)
    }

    private static func counts(_ words: [String]) -> JSON {
        .object(
            Dictionary(words.map { ($0, 1) }, uniquingKeysWith: +).mapValues { .integer($0) })
    }
}
