import Foundation
import Ground
import Testing

@testable import Routing

/// Scores of real frames: the calibration split of the shipped leaf model for meter digits.
private struct Pool {
    let scores: [(confidence: Confidence, isRight: Bool)]

    init() throws {
        let models = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Topology/models/digits-leaf")
        func blob(_ digest: String) throws -> Any {
            let name = digest.dropFirst("sha256:".count)
            let path = models.appending(path: "blobs/sha256/\(name)")
            return try JSONSerialization.jsonObject(with: Data(contentsOf: path))
        }
        let indexed = try JSONSerialization.jsonObject(
            with: Data(contentsOf: models.appending(path: "index.json")))
        let index = try #require(indexed as? [String: Any])
        let manifests = try #require(index["manifests"] as? [[String: Any]])
        let id = try #require(manifests.first?["digest"] as? String)
        let manifest = try #require(blob(id) as? [String: Any])
        let layers = try #require(manifest["layers"] as? [[String: Any]])
        let layer = try #require(
            layers.first {
                let notes = $0["annotations"] as? [String: String]
                return notes?["org.cncf.model.filepath"] == "calibration.json"
            })
        let digest = try #require(layer["digest"] as? String)
        let file = try #require(blob(digest) as? [String: Any])
        let columns = try #require(file["scores"] as? [String: Any])
        let sure = try #require(columns["max_softmax"] as? [Double])
        let right = try #require(columns["correct"] as? [Int])
        scores = zip(sure, right).map { (Confidence($0), $1 == 1) }
    }

    /// The share of wrong among those of `indices` that the bar accepts; 0 when it accepts none.
    func risk(at bar: Bar, of indices: some Sequence<Int>) -> Double {
        let accepted = indices.filter { bar.accepts(scores[$0].confidence) }
        let wrong = accepted.count { !scores[$0].isRight }
        return accepted.isEmpty ? 0 : Double(wrong) / Double(accepted.count)
    }

    func tally(_ indices: some Sequence<Int>) -> CalibrationTally {
        var tally = CalibrationTally()
        for index in indices {
            tally.add(scores[index].confidence, isRight: scores[index].isRight)
        }
        return tally
    }
}

/// The promise of a risk bar on real scores: 3 % wrong among accepted, kept for 95 of 100
/// calibration sets.
@Suite struct RiskResplitTests {
    private static let resplits = 2_000

    private func target() throws -> RiskTarget { try RiskTarget(risk: 0.03, confidence: 0.95) }

    /// Whether `count` of the resplits is more than a rate of 5 % gives once in a thousand times.
    private func breaksTheRate(_ count: Int) -> Bool {
        1 - Binomial.lowerTail(count - 1, of: Self.resplits, 0.05) < 0.001
    }

    /// The rates between which the true one lies, with 95 % confidence (Clopper and Pearson).
    private func interval(_ count: Int) -> (low: Double, high: Double) {
        func crossing(_ isBelow: (Double) -> Bool) -> Double {
            var (low, high) = (0.0, 1.0)
            for _ in 0..<50 {
                let middle = (low + high) / 2
                if isBelow(middle) { low = middle } else { high = middle }
            }
            return low
        }
        let low =
            count == 0
            ? 0
            : crossing { 1 - Binomial.lowerTail(count - 1, of: Self.resplits, $0) < 0.025 }
        return (low, crossing { Binomial.lowerTail(count, of: Self.resplits, $0) > 0.025 })
    }

    /// How many of the calibration sets gave a bar, and how many of those bars break the risk. The
    /// pool is the world: its risk at a bar is the true one, and calibration sets are drawn from it
    /// as frames are from the world.
    private func broken(
        choose: (CalibrationTally) -> Bar?
    ) throws -> (count: Int, chosen: Int) {
        let pool = try Pool()
        let all = pool.scores.indices
        var random = Randomness(seed: 2026)
        var seen = (count: 0, chosen: 0)
        for _ in 0..<Self.resplits {
            let drawn = all.map { _ in Int.random(in: all, using: &random) }
            guard let bar = choose(pool.tally(drawn)) else { continue }
            seen.chosen += 1
            if pool.risk(at: bar, of: all) > 0.03 { seen.count += 1 }
        }
        return seen
    }

    @Test func `On real scores no more calibration sets break the risk than stated`() throws {
        let target = try target()
        let seen = try broken { try? RiskBar(target, calibration: $0).bar }
        let rate = interval(seen.count)
        let words = "\(seen.count) of \(Self.resplits), 95 % interval \(rate.low)…\(rate.high)"
        #expect(seen.chosen > Self.resplits / 2, "\(seen.chosen) sets gave a bar")
        #expect(!breaksTheRate(seen.count), "\(words)")
        #expect(rate.high < 0.05, "\(words)")
    }

    @Test func `On real scores judging by the empirical risk would break the promise`() throws {
        let seen = try broken { tally in
            let counts = tally.cumulated()
            return counts.indices.last {
                Double(counts[$0].wrong) <= 0.03 * Double(counts[$0].accepted)
            }.flatMap { Bar(BarGrid.bars[$0]) }
        }
        #expect(breaksTheRate(seen.count), "\(seen.count) of \(Self.resplits)")
    }

    /// Frames that the calibration never saw: as many wrong among accepted as was promised, or
    /// fewer, over all ways to part the pool.
    @Test func `On frames held out of the calibration the risk is kept on the whole`() throws {
        let pool = try Pool()
        var random = Randomness(seed: 2027)
        var sum = 0.0
        var chosen = 0
        for _ in 0..<Self.resplits {
            let shuffled = pool.scores.indices.shuffled(using: &random)
            let (calibration, test) = (shuffled.prefix(700), shuffled.dropFirst(700))
            guard let bar = try? RiskBar(target(), calibration: pool.tally(calibration)).bar else {
                continue
            }
            chosen += 1
            sum += pool.risk(at: bar, of: test)
        }
        #expect(chosen > Self.resplits / 2, "\(chosen) parts gave a bar")
        #expect(sum / Double(chosen) <= 0.03, "\(sum / Double(chosen)) on the whole")
    }
}
