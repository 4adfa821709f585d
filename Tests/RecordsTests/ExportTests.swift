import Cryptography
import Ground
import Storage
import Testing

@testable import Records

@Suite struct ExportTests {
    private typealias Make = StoreFixture

    /// A store with frames that leaf and region answered: `frames` says which bytes each has.
    private func store(_ frames: [(leaf: String, above: String?, payload: [UInt8])]) throws
        -> StoreFixture
    {
        let fixture = try StoreFixture()
        for (index, frame) in frames.enumerated() {
            let sequence = UInt64(index + 1)
            var record = Make.escalation(sequence, frame.above ?? "")
            if case .escalation(var escalation) = record.body {
                escalation.payload = frame.payload
                if frame.above == nil { escalation.answer = nil }
                record.body = .escalation(escalation)
            }
            try fixture.ingest([record], from: Make.origin("leaf-a", .escalation))
            let confidence = 0.9 - Double(index) / 100
            try fixture.ingest([Make.result(sequence, frame.leaf, confidence: confidence)])
        }
        return fixture
    }

    private func read(_ request: [UInt8]) throws(Fault) -> [FramePart] {
        guard request.first != 0xFF else { throw Fault(.corrupt, "no request") }
        // The first byte is the request's own, the rest is the picture.
        return [FramePart(name: "image", suffix: "jpg", bytes: Array(request.dropFirst()))]
    }

    private func export(
        _ fixture: StoreFixture, _ name: String = "set",
        _ change: (inout DatasetSettings) -> Void = { _ in }
    ) throws -> DatasetReport {
        var settings = DatasetSettings()
        change(&settings)
        let archive = try RecordArchive(folder: fixture.folder)
        return try DatasetWriter.export(
            archive, to: "\(fixture.folder)/\(name)", settings, read)
    }

    private func file(_ fixture: StoreFixture, _ name: String) throws -> [UInt8] {
        try FileDisk().read("\(fixture.folder)/\(name)", limit: 1 << 24)
    }

    @Test func `Each picture is one sample, with the better label`() throws {
        let fixture = try store([
            ("1", "7", [1, 9, 9]), ("1", "1", [2, 8, 8, 8]), ("3", "7", [3, 9, 9]),
            ("4", nil, [4, 7]), ("5", "5", [0xFF]),
        ])
        let report = try export(fixture)
        #expect(report.samples == 2 && report.bytes == 5)
        #expect(
            report.leftOut
                == .init(duplicates: 1, overQuota: 0, unlabelled: 1, unreadable: 1))
        #expect(report.files == ["shard-000000.tar"])
        let manifest = try JSON(parsing: file(fixture, "set/manifest.json"), place: "manifest")
        guard case .object(let members) = manifest, case .array(let files)? = members["files"],
            case .object(let first)? = files.first
        else { return #expect(Bool(false)) }
        let tar = try file(fixture, "set/shard-000000.tar")
        #expect(first["sha256"] == .string(Hash.sha256(tar).hex))
        #expect(first["bytes"] == .integer(tar.count))
        #expect(members["version"] == .string(report.version.description))
        #expect(members["labels"] == .object(["7": .integer(1), "1": .integer(1)]))
    }

    @Test func `The same records give the same bytes, in whatever order they came`() throws {
        let frames: [(String, String?, [UInt8])] = (0..<20).map { index in
            ("\(index % 3)", "\(index % 4)", [0, UInt8(index), 5])
        }
        let one = try store(frames)
        let first = try export(one)
        #expect(try export(one, "again") == first)
        for name in first.files + ["manifest.json"] {
            #expect(try file(one, "set/\(name)") == file(one, "again/\(name)"))
        }
        // The same frames under the same names, other rows in another file.
        let other = try StoreFixture()
        for sequence in (1...20).reversed() {
            let index = sequence - 1
            var record = Make.escalation(UInt64(sequence), "\(index % 4)")
            if case .escalation(var escalation) = record.body {
                escalation.payload = [0, UInt8(index), 5]
                record.body = .escalation(escalation)
            }
            try other.ingest(
                [
                    Make.result(
                        UInt64(sequence), "\(index % 3)", confidence: 0.9 - Double(index) / 100)
                ])
            try other.ingest([record], from: Make.origin("leaf-a", .escalation))
        }
        #expect(try export(other) == first)
        #expect(try file(other, "set/shard-000000.tar") == file(one, "set/shard-000000.tar"))
    }

    @Test func `Past the quota the frames stay that the leaf got wrong, then the least sure`()
        throws
    {
        // Sureness falls with the number; the second is the leaf's only mistake.
        let fixture = try store([
            ("1", "1", [0, 1]), ("2", "9", [0, 2]), ("3", "3", [0, 3]), ("4", "4", [0, 4]),
        ])
        let report = try export(fixture) { $0.quota = 2 }
        #expect(report.samples == 2 && report.bytes == 2 && report.leftOut.overQuota == 2)
        let manifest = String(decoding: try file(fixture, "set/manifest.json"), as: UTF8.self)
        #expect(manifest.contains("\"labels\":{\"4\":1,\"9\":1}"))
    }

    @Test func `A true label stands above all answers`() throws {
        let fixture = try store([("1", "7", [0, 1])])
        _ = try fixture.store.label(
            .request("request-1", task: "digits"),
            TrueLabel(label: "5", at: Make.start, who: "x"), now: Make.start)
        let report = try export(fixture, "set") { $0.format = .folder }
        #expect(report.samples == 1)
        let line = String(decoding: try file(fixture, "set/metadata.jsonl"), as: UTF8.self)
        #expect(line.contains("\"label\":\"5\"") && line.contains("\"label_from\":\"truth\""))
        #expect(line.contains("\"file_name\":\"images/"))
        #expect(report.files.count == 2)
    }

    @Test func `Shards are cut at their size, between samples`() throws {
        let frames: [(String, String?, [UInt8])] = (0..<10).map { index in
            ("1", "2", [0] + [UInt8](repeating: UInt8(index), count: 3000))
        }
        let fixture = try store(frames)
        let report = try export(fixture) { $0.shardBytes = 16_384 }
        #expect(report.files.count == 5)
        for name in report.files {
            #expect(try file(fixture, "set/\(name)").count <= 16_384 + TarArchive.trailer)
        }
    }

    @Test func `A set is made in a folder of its own, and of a store that is there`() throws {
        let fixture = try store([("1", "7", [0, 1])])
        _ = try export(fixture)
        let fault = #expect(throws: Fault.self) { try export(fixture) }
        #expect(fault?.code == .precondition)
        #expect(throws: Fault.self) { try RecordArchive(folder: "/tmp/no-such-store") }
    }
}
