import Ground
import Storage
import Testing

@testable import Records

/// Frames that were answered when they came: kept to learn from, and counted by their record alone.
@Suite struct LiveFrameTests {
    private typealias Make = StoreFixture

    private func live(_ number: UInt64, _ label: String = "3", bytes: Int = 100) -> LiveFrame {
        LiveFrame(
            below: Make.answer(label, frame: number, confidence: 0.4),
            payload: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: bytes))
    }

    private func keep(_ fixture: StoreFixture, _ frames: [LiveFrame]) throws -> Int {
        try fixture.store.keep(frames, now: Make.start)
    }

    @Test func `A frame is kept once and counted by the record that follows`() throws {
        let fixture = try StoreFixture()
        #expect(try keep(fixture, [live(1), live(2)]) == 2)
        #expect(try keep(fixture, [live(2), live(1)]) == 0)
        #expect(try fixture.store.stats().frames == 0)
        try fixture.ingest([Make.result(1, "7", node: "region", tier: .regional)])
        let stats = try fixture.store.stats()
        #expect((stats.frames, stats.answers, stats.payloads) == (1, 1, 2))
        #expect(try fixture.rows { $0.withFrame = true }.map(\.answer.label) == ["7"])
    }

    @Test func `What the leaf said is in the training set beside the better answer`() throws {
        let fixture = try StoreFixture()
        _ = try keep(fixture, [live(1), live(2, "7"), live(3)])
        for number in UInt64(1)...2 {
            try fixture.ingest([Make.result(number, "7", node: "region", tier: .regional)])
        }
        let archive = try RecordArchive(folder: fixture.folder)
        let reader: FrameReader = { (request: [UInt8]) throws(Fault) in
            [FramePart(name: "image", suffix: "jpg", bytes: request)]
        }
        let chosen = try DatasetSelection(archive, DatasetSettings(), reader)
        let samples = chosen.samples.sorted { $0.frame!.sequence < $1.frame!.sequence }
        #expect(samples.map(\.label) == ["7", "7"])
        #expect(samples.map { $0.leaf?.label } == ["3", "7"])
        #expect(samples[0].leaf?.confidence == 0.4 && samples[0].leaf?.tier == .leaf)
        #expect(samples[0].leaf?.bundle == Make.bundle("leaf-a"))
        #expect(samples[0].teachesMore(than: samples[1]))
    }

    @Test func `They keep within their share, and never push out what was owed`() throws {
        let fixture = try StoreFixture(frameBytes: 40 << 10, liveBytes: 16 << 10)
        try fixture.ingest(
            [Make.escalation(500, bytes: 5_000)], from: Make.origin("leaf-a", .escalation))
        for number in UInt64(1)...40 {
            _ = try keep(fixture, [live(number, bytes: 300)])
            let held = try fixture.store.stats().payloadBytes
            #expect(held <= 5_000 + 4 * 300)
        }
        #expect(try fixture.store.stats().payloadBytes > 5_000)
        #expect(try keep(fixture, [live(99, bytes: 16_385)]) == 0)
        let owed = MergeKey(of: Make.answer("7", frame: 500))
        let archive = try RecordArchive(folder: fixture.folder)
        var keys: [MergeKey] = []
        try archive.eachFrame { keys.append($0.key) }
        #expect(keys.contains(owed))
    }

    @Test func `A share of nothing keeps nothing`() throws {
        let fixture = try StoreFixture(liveBytes: 0)
        #expect(try keep(fixture, [live(1)]) == 0)
    }
}
