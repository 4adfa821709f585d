import Ground
import Storage
import Synchronization

@testable import Records

/// A store in a folder of its own, gone with the last reference, and makers of what arrives at it.
final class StoreFixture {
    static let start = WallTime(nanoseconds: 1_700_000_000_000_000_000)

    let folder: String
    let store: RecordStore
    private let heard = Heard()

    private final class Heard: Sendable {
        let faults = Mutex<[Fault]>([])
    }

    /// What the store has complained of.
    var faults: [Fault] { heard.faults.withLock { $0 } }

    init(
        folder: String? = nil, frameBytes: Int = 1 << 20, liveBytes: Int = 1 << 19
    ) throws {
        self.folder = folder ?? "/tmp/canopy-records-\(UInt64.random(in: .min ... .max))"
        let settings = RecordSettings(
            node: "region", site: "eu",
            retention: .init(
                frames: .seconds(100), records: .seconds(1000), audit: .seconds(10_000)),
            frameBytes: frameBytes, liveBytes: liveBytes)
        let heard = heard
        store = try RecordStore(folder: self.folder, settings: settings) { fault in
            heard.faults.withLock { $0.append(fault) }
        }
    }

    deinit { try? FileDisk().removeFolder(folder) }

    static func origin(_ node: String = "leaf-a", _ queue: Queue = .result) -> Origin {
        Origin(site: "mill", node: node, epoch: .max - 7, queue: queue)
    }

    static func answer(
        _ label: String, frame: UInt64, tier: Tier? = .leaf, node: String = "leaf-a",
        confidence: Double? = 0.9
    ) -> Answer {
        var answer = Answer(
            task: "digits", frame: FrameName(stream: "cam-1", sequence: frame), tier: tier,
            node: node, bundle: bundle(node), label: label, confidence: confidence,
            answeredAt: WallTime(
                nanoseconds: start.nanoseconds + Int64(frame % 1_000_000) * 1_000_000))
        answer.request = "request-\(frame)"
        answer.input = [1, 2, 3]
        answer.trace = Array(0..<16)
        answer.latency = .milliseconds(3)
        return answer
    }

    static func bundle(_ node: String) -> Digest {
        Digest(bytes: [UInt8](repeating: UInt8(node.utf8.count), count: 32))!
    }

    static func result(
        _ sequence: UInt64, _ label: String = "7", clock: UInt64? = nil, node: String = "leaf-a",
        tier: Tier? = .leaf, confidence: Double? = 0.9, frame: UInt64? = nil
    ) -> Owed {
        let answer = answer(
            label, frame: frame ?? sequence, tier: tier, node: node, confidence: confidence)
        return Owed(
            sequence: sequence, at: start, clock: clock ?? sequence, .result(answer))
    }

    static func escalation(_ sequence: UInt64, _ label: String = "8", bytes: Int = 100) -> Owed {
        let answer = answer(label, frame: sequence, tier: .regional, node: "region")
        let payload = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 + Int(sequence)) }
        return Owed(
            sequence: sequence, at: start, clock: 100 + sequence,
            .escalation(
                Escalation(
                    receipt: "receipt-\(sequence)", meanwhile: Self.answer("7", frame: sequence),
                    answer: answer, payload: payload,
                    settlement: .answered(Array("response \(sequence)".utf8)))))
    }

    /// Gives the store a batch at `seconds` after the start.
    @discardableResult
    func ingest(
        _ records: [Owed], from origin: Origin = origin(), after seconds: Int64 = 0
    ) throws -> Ingested {
        let delivery = try Delivery(
            origin: origin, first: records.first?.sequence ?? 1, last: records.last?.last ?? 0,
            records: records)
        return try store.ingest(delivery, now: Self.after(seconds))
    }

    static func after(_ seconds: Int64) -> WallTime {
        WallTime(nanoseconds: start.nanoseconds + seconds * 1_000_000_000)
    }

    func rows(_ change: (inout RecordQuery) -> Void = { _ in }) throws -> [RecordRow] {
        var query = RecordQuery()
        change(&query)
        return try store.query(query).rows
    }
}
