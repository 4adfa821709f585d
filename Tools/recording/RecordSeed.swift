import ArgumentParser
import Cryptography
import Glibc
import Ground
import Records
import Wire

/// Fills a store with made-up records, as a hub does: for tests, and to see how fast it takes them.
@main
struct RecordSeed: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record-seed", abstract: "Fill a node's store with made-up records.")

    @Option(help: "The store's folder.")
    var store: String

    @Option(help: "The node that is said to have sent them.")
    var node = "leaf"

    @Option(help: "The first sequence.")
    var first: UInt64 = 1

    @Option(help: "Results.")
    var results = 100

    @Option(help: "Owed frames among them, each with a picture of its own.")
    var frames = 0

    @Option(help: "Bytes of a picture.")
    var picture = 2_000

    @Option(help: "Records of one batch.")
    var batch = 512

    @Option(help: "Seconds since 1970 at which they were taken and arrived.")
    var at: Int64 = 0

    func run() throws {
        let settings = RecordSettings(node: "seed")
        let store = try RecordStore(folder: store, settings: settings) { fault in
            let line = Array("\(fault)\n".utf8)
            _ = write(STDERR_FILENO, line, line.count)
        }
        let begun = Self.now(CLOCK_MONOTONIC)
        for start in stride(from: 0, to: results, by: batch) {
            try give(
                store, .result, (start..<min(start + batch, results)).map { .result(answer($0)) },
                from: first + UInt64(start))
        }
        let between = Self.now(CLOCK_MONOTONIC)
        for start in stride(from: 0, to: frames, by: 16) {
            try give(
                store, .escalation,
                (start..<min(start + 16, frames)).map { .escalation(escalation($0)) },
                from: first + UInt64(start))
        }
        let ended = Self.now(CLOCK_MONOTONIC)
        let stats = try store.stats()
        print(
            JSON.object([
                "frames": .integer(stats.frames), "answers": .integer(stats.answers),
                "results_per_second": .real(Self.rate(results, between - begun)),
                "escalations_per_second": .real(Self.rate(frames, ended - between)),
                "index_bytes": .integer(stats.indexBytes),
            ]).canonical.text)
    }

    private func give(
        _ store: RecordStore, _ queue: Queue, _ bodies: [Owed.Body], from sequence: UInt64
    ) throws(Fault) {
        let origin = Records.Origin(site: "mill", node: node, epoch: 7, queue: queue)
        let records = bodies.enumerated().map { index, body in
            let number = sequence + UInt64(index)
            return Owed(sequence: number, at: time, clock: number << 16, body)
        }
        let delivery = try Delivery(
            origin: origin, first: sequence, last: sequence + UInt64(bodies.count) - 1,
            records: records)
        _ = try store.ingest(delivery, now: time)
    }

    private var time: WallTime {
        WallTime(nanoseconds: at > 0 ? at * 1_000_000_000 : Self.now(CLOCK_REALTIME))
    }

    /// The leaf's answer about one frame.
    private func answer(_ index: Int) -> Answer {
        let number = first + UInt64(index)
        var answer = Answer(
            task: "meter-digits", frame: FrameName(stream: "cam-\(node)", sequence: number),
            tier: .leaf, node: node, bundle: Hash.sha256(Array("leaf".utf8)),
            label: "\(index % 10)", confidence: Double(index % 100) / 100, answeredAt: time)
        answer.input = Array(Hash.sha256(Array("\(number)".utf8)).bytes.prefix(16))
        answer.request = "\(node)-\(number)"
        answer.trace = Array(answer.input)
        answer.latency = .milliseconds(3)
        return answer
    }

    private func escalation(_ index: Int) -> Escalation {
        var above = answer(index)
        (above.tier, above.node) = (.regional, "region")
        above.bundle = Hash.sha256(Array("region".utf8))
        // Every third frame the leaf was wrong about.
        above.label = index % 3 == 0 ? "\((index + 1) % 10)" : above.label
        var noise = Randomness(seed: UInt64(index) &+ 1)
        let bytes =
            [0xFF, 0xD8, 0xFF] + (0..<picture).map { _ in UInt8(truncatingIfNeeded: noise.next()) }
        let request = InferRequest(
            model: above.task, id: "\(first + UInt64(index))",
            inputs: [InferTensor(name: "image", elements: [bytes])])
        return Escalation(
            receipt: "receipt-\(index)", meanwhile: answer(index), answer: above,
            payload: request.encode().flatMap(\.array),
            settlement: .answered(Array("made up".utf8)))
    }

    private static func now(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func rate(_ count: Int, _ nanoseconds: Int64) -> Double {
        nanoseconds > 0 ? (Double(count) * 1e9 / Double(nanoseconds)).rounded() : 0
    }
}

extension [UInt8] {
    fileprivate var text: String { String(decoding: self, as: UTF8.self) }
}
