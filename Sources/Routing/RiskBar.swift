public import Ground

/// A bar chosen from calibration scores such that few of the answers that it accepts are wrong.
///
/// The guarantee: over calibration sets drawn like the frames to come, the bar's true share of
/// *wrong among accepted* exceeds `target.risk` with probability at most 1 − `target.confidence`.
/// It holds for exchangeable frames, a fixed bar, and scores that fitted nothing else (not the
/// model, not its temperature). It needs no assumption on how confidence and correctness go
/// together.
///
/// The method is Learn then Test (Angelopoulos et al. 2021) with fixed sequences:
///
/// - Bar b has the null hypothesis “the risk at b exceeds r”. Given that n scores reach b, each is
/// - Bars are tested from sure to less sure; the first that fails ends its sequence. At the surest
/// - Why this errs with at most δ: call j(s) the first true null at or after start s; it is fixed,
/// - The lowest bar that passed is taken.
public struct RiskBar: Hashable, Sendable {
    /// What was asked.
    public let target: RiskTarget
    /// What was chosen.
    public let bar: Bar
    /// Calibration scores in all.
    public let count: Int
    /// How many of them the bar accepts.
    public let accepted: Int
    /// How many of those are wrong.
    public let wrong: Int

    /// Chooses the lowest bar that provably keeps the target.
    ///
    /// - Throws: a fault of code `invalid` when there are too few scores to show it even if every
    public init(_ target: RiskTarget, calibration: CalibrationTally) throws(Fault) {
        let least = Self.leastScores(for: target)
        guard calibration.count >= least else {
            throw Self.tooFew(calibration.count, least: least, target)
        }
        let counts = calibration.cumulated()
        guard let index = Self.lowestPassing(counts, target), let bar = Bar(BarGrid.bars[index])
        else { throw Self.nonePasses(counts, of: calibration.count, target) }
        self.target = target
        self.bar = bar
        count = calibration.count
        accepted = counts[index].accepted
        wrong = counts[index].wrong
    }

    /// How many calibration scores must reach a bar, all of them right, before it can pass:
    /// ln(share of δ) / ln(1 − r), rounded up. About four times as many make a useful bar.
    public static func leastScores(for target: RiskTarget) -> Int {
        let starts = BarGrid.starts(risk: target.risk).count
        return Binomial.trialsWithoutFailure(
            risk: target.risk, level: target.errorRate / Double(starts), limit: mostScores)
    }

    /// More than the strictest target needs (about 103,000); it bounds the search.
    private static let mostScores = 1_000_000

    /// The index of the lowest bar that passes; `nil` when none does.
    static func lowestPassing(
        _ counts: [(accepted: Int, wrong: Int)], _ target: RiskTarget
    ) -> Int? {
        let starts = BarGrid.starts(risk: target.risk)
        let share = target.errorRate / Double(starts.count)
        var nextStart = 0
        var level = 0.0
        var lowest: Int?
        for (index, tally) in counts.enumerated() {
            if nextStart < starts.count, starts[nextStart] == index {
                level += share
                nextStart += 1
            }
            if level == 0 { continue }
            if Binomial.lowerTail(tally.wrong, of: tally.accepted, target.risk) <= level {
                lowest = index
            } else {
                level = 0
            }
        }
        return lowest
    }

    private static func tooFew(_ count: Int, least: Int, _ target: RiskTarget) -> Fault {
        Fault(
            .invalid,
            """
            \(count) calibration scores came; to show a risk of \(target.risk) at confidence \
            \(target.confidence) takes at least \(least), were every answer right
            """,
            remedy: "calibrate with \(4 * least) scores or more, or state a larger risk")
    }

    private static func nonePasses(
        _ counts: [(accepted: Int, wrong: Int)], of count: Int, _ target: RiskTarget
    ) -> Fault {
        let seen = BarGrid.starts(risk: target.risk).map {
            "at \(BarGrid.bars[$0]) \(counts[$0].wrong) of \(counts[$0].accepted) are wrong"
        }
        return Fault(
            .precondition,
            """
            no bar keeps a risk of \(target.risk) at confidence \(target.confidence) on \(count) \
            calibration scores: \(seen.joined(separator: ", "))
            """,
            remedy: """
                calibrate with more scores (a bar needs \(leastScores(for: target)) that reach it \
                and none wrong, or more), state a larger risk, or take a better model
                """)
    }
}
