import ArgumentParser
import Ground
import Records
import Topology
import Wire

/// `canopy export`: a training set of escalated frames.
struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a training set of the frames that escalated, on the node that keeps them.",
        discussion: """
            Each sample is a frame that a leaf was unsure of: the picture, what the leaf said, and \
            the label: the true one where somebody gave it, else that of the best answer from \
            above the leaf. The same picture twice is one sample. When there is more than --quota \
            holds, those stay that the leaf got wrong, then those that it was least sure of.

            Runs beside the node and reads its store's folder. The same records give the same \
            bytes; manifest.json lists every file with its SHA-256, and the set's version.

              canopy export fleet.yaml --output digits --task meter-digits --quota 2GiB
              canopy export --store /var/lib/canopy/records --output digits \\
                --format imagefolder
            """)

    @Argument(help: "The topology, to know the store's folder.")
    var topology: String?

    @Option(help: "The node that keeps the records; needed where several do.")
    var node: String?

    @Option(help: "The store's folder, instead of a topology.")
    var store: String?

    @Option(help: "A new folder for the set.")
    var output: String

    @Option(help: "webdataset (tar shards), or imagefolder (pictures and metadata.jsonl).")
    var format = ExportFormat.webdataset

    @Option(help: "Only this task's frames.")
    var task = ""

    @Option(help: "Most bytes of all samples, such as 500MiB.")
    var quota = ByteCount(bytes: 1 << 30)

    @Option(help: "Most bytes of one tar shard.")
    var shard = ByteCount(bytes: 64 << 20)

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if (topology == nil) == (store == nil) {
            throw ValidationError("give a topology, or --store FOLDER")
        }
        // A shard is put together in memory.
        guard (1 << 10...1 << 30).contains(shard.bytes) else {
            throw ValidationError("--shard must be from 1KiB to 1GiB")
        }
    }

    func run() throws {
        var settings = DatasetSettings()
        (settings.format, settings.task) = (format.format, task)
        (settings.quota, settings.shardBytes) = (quota.bytes, shard.bytes)
        let folder = try folder()
        do throws(Fault) {
            let archive = try RecordArchive(folder: folder)
            show(try DatasetWriter.export(archive, to: output, settings, Self.parts))
        } catch {
            throw Failure(error)
        }
    }

    private func folder() throws -> String {
        if let store { return store }
        let fleet = try TopologyArgument.read(topology ?? "")
        do throws(Fault) {
            return try Keeper.plan(fleet, node).records?.folder ?? ""
        } catch {
            throw Failure(error)
        }
    }

    private func show(_ report: DatasetReport) {
        let left = report.leftOut
        guard json else {
            print(
                """
                \(report.samples) samples of \(Size.text(report.bytes)) in \
                \(report.files.count) files, version \(report.version.short)
                left out: \(left.duplicates) duplicates, \(left.overQuota) over the quota, \
                \(left.unlabelled) without a label from above, \(left.unreadable) unreadable
                """)
            return
        }
        let object = JSON.object([
            "version": .string(report.version.description), "samples": .integer(report.samples),
            "bytes": .integer(report.bytes), "files": .array(report.files.map(JSON.string)),
            "duplicates": .integer(left.duplicates), "over_quota": .integer(left.overQuota),
            "unlabelled": .integer(left.unlabelled), "unreadable": .integer(left.unreadable),
        ])
        print(object.line)
    }

    /// The inputs of a request: a picture where it is one JPEG or PNG, else the tensor's bytes.
    static func parts(of request: [UInt8]) throws(Fault) -> [FramePart] {
        try InferRequest.decode(Bytes(request)).inputs.map { input in
            if let element = input.elements, element.count == 1 {
                let bytes = element[0].array
                if let suffix = pictureSuffix(bytes) {
                    return FramePart(name: input.name, suffix: suffix, bytes: bytes)
                }
            }
            let about: [String: JSON] = [
                "datatype": .string(input.datatype.rawValue),
                "shape": .array(input.shape.map { .integer($0) }),
            ]
            return FramePart(
                name: input.name, suffix: "bin", about: about, bytes: input.contents.array)
        }
    }

    private static func pictureSuffix(_ bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return "jpg" }
        return bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) ? "png" : nil
    }
}

/// A form of training sets on the command line.
enum ExportFormat: String, ExpressibleByArgument, CaseIterable {
    case webdataset, imagefolder

    var format: DatasetSettings.Format {
        switch self {
        case .webdataset: .shards
        case .imagefolder: .folder
        }
    }
}

/// A number of bytes on the command line: `2GiB`, `500MB`, `4096`.
struct ByteCount: ExpressibleByArgument, CustomStringConvertible {
    let bytes: Int

    init(bytes: Int) { self.bytes = bytes }

    init?(argument: String) {
        let digits = argument.prefix { ("0"..."9").contains($0) }
        let units = [
            "": 1, "B": 1, "kB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "KiB": 1 << 10,
            "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
        ]
        guard let number = Int(digits), let unit = units[String(argument[digits.endIndex...])],
            case (let bytes, false) = number.multipliedReportingOverflow(by: unit)
        else { return nil }
        self.bytes = bytes
    }

    var description: String { Size.text(bytes) }
    var defaultValueDescription: String { description.filter { $0 != " " } }
}
