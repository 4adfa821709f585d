import Ground

@testable import Routing

/// A made-up day of frames whose hardness is known, to compare ways of spending one budget.
enum EscalationStream: String, CaseIterable {
    /// The same mixture all along.
    case stationary
    /// Quiet stretches, and busy ones in which eight of ten frames are below the bar.
    case bursty
    /// The share of hard frames and how hard they are swing slowly, like the light of a day.
    case drifting
    /// It suddenly gets much harder for good, as when a lens is soiled.
    case shifting
    /// Nothing is very hard, and a third is a little below the bar.
    case mild

    static let bar = Bar(0.9)!
    /// How often the tier above is right.
    static let upstream = 0.97

    /// The leaf's confidence for each frame; it is calibrated: right just that often.
    func frames(_ count: Int, seed: UInt64) -> [Confidence] {
        var random = Randomness(seed: seed)
        return (0..<count).map { index in
            let (hard, depth) = mixture(index, of: count)
            guard random.unit() < hard else { return Confidence(0.9 + 0.1 * random.unit()) }
            return Confidence(0.9 - depth * random.unit())
        }
    }

    /// The share of frames below the bar at this point, and how far below it they reach.
    private func mixture(_ index: Int, of count: Int) -> (hard: Double, depth: Double) {
        switch self {
        case .stationary: return (0.3, 0.6)
        case .bursty: return index % 4000 < 3000 ? (0.1, 0.4) : (0.8, 0.7)
        case .drifting:
            let phase = Double(index * 4 % count) / Double(count)
            let swing = 1 - abs(2 * phase - 1)
            return (0.1 + 0.5 * swing, 0.2 + 0.5 * swing)
        case .shifting: return index < count / 4 ? (0.2, 0.2) : (0.5, 0.7)
        case .mild: return (0.35, 0.15)
        }
    }
}

/// What a way of spending made of a stream.
struct StreamResult {
    /// Expected share of right answers of the whole system.
    var accuracy = 0.0
    var escalated = 0

    /// Sends the frames through `escalates`.
    init(_ frames: [Confidence], escalates: (Confidence, Instant) -> Bool) {
        var now = Instant(nanoseconds: 0)
        for confidence in frames {
            now = now + .milliseconds(8)
            if escalates(confidence, now) {
                escalated += 1
                accuracy += EscalationStream.upstream
            } else {
                accuracy += confidence.value
            }
        }
        accuracy /= Double(frames.count)
    }
}

/// The simple way to keep the same budget: whoever is below a fixed bar goes, while tokens last.
struct FirstCome {
    var tokens: Double
    let share: Double
    let burst: Double
    let bar: Double

    init(_ limits: EscalationBudget.Limits, bar: Double) {
        burst = Double(limits.burstFrames)
        tokens = burst / 2
        share = limits.share
        self.bar = bar
    }

    mutating func escalates(_ confidence: Confidence) -> Bool {
        tokens = min(tokens + share, burst)
        guard confidence.value < bar, tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
