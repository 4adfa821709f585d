/// Gaps of one queue, in order and apart.
///
/// PURE. Loss comes at the old end of a queue, where neighbours merge, so few are ever held.
struct GapList: Equatable, Sendable {
    /// Gaps that a queue's part of the state file has room for.
    static let limit = 48

    private(set) var gaps: [SpoolGap] = []

    init() {}

    /// Takes gaps that are in order and apart; `nil` when they are not.
    init?(_ gaps: [SpoolGap]) {
        guard gaps.count <= Self.limit, gaps.allSatisfy({ $0.from <= $0.through }) else {
            return nil
        }
        guard zip(gaps, gaps.dropFirst()).allSatisfy({ $0.through < $1.from }) else { return nil }
        self.gaps = gaps
    }

    /// The gap that `sequence` lies in.
    func covering(_ sequence: UInt64) -> SpoolGap? {
        guard let gap = gaps.first(where: { $0.through >= sequence }), gap.from <= sequence else {
            return nil
        }
        return gap
    }

    /// How many of `range` lie in gaps.
    func count(in range: ClosedRange<UInt64>) -> UInt64 {
        gaps.reduce(0) { sum, gap in
            let from = max(gap.from, range.lowerBound)
            let through = min(gap.through, range.upperBound)
            return from <= through ? sum + through - from + 1 : sum
        }
    }

    /// The parts of `range` that lie in no gap.
    func missing(in range: ClosedRange<UInt64>) -> [ClosedRange<UInt64>] {
        var parts: [ClosedRange<UInt64>] = []
        var next = range.lowerBound
        for gap in gaps where gap.through >= range.lowerBound && gap.from <= range.upperBound {
            if gap.from > next { parts.append(next...(gap.from - 1)) }
            next = gap.through + 1
        }
        if next <= range.upperBound { parts.append(next...range.upperBound) }
        return parts
    }

    /// Adds a gap, which takes the place of what it covers; returns how many records are lost that
    /// were not before.
    @discardableResult
    mutating func add(_ gap: SpoolGap) -> UInt64 {
        let fresh = gap.count - count(in: gap.from...gap.through)
        var merged = gap
        var others: [SpoolGap] = []
        for other in gaps {
            if other.from >= gap.from && other.through <= gap.through { continue }
            let touches = other.from <= gap.through + 1 && gap.from <= other.through + 1
            if touches && other.reason == gap.reason {
                merged.from = min(merged.from, other.from)
                merged.through = max(merged.through, other.through)
                continue
            }
            // What sticks out of a gap of another reason stays its own.
            if other.from < gap.from && other.through >= gap.from {
                others.append(
                    SpoolGap(from: other.from, through: gap.from - 1, reason: other.reason))
                if other.through > gap.through {
                    others.append(
                        SpoolGap(
                            from: gap.through + 1, through: other.through, reason: other.reason))
                }
            } else if other.through > gap.through && other.from <= gap.through {
                others.append(
                    SpoolGap(from: gap.through + 1, through: other.through, reason: other.reason))
            } else {
                others.append(other)
            }
        }
        let place = others.firstIndex { $0.from > merged.from } ?? others.count
        others.insert(merged, at: place)
        gaps = others
        return fresh
    }

    /// Forgets what is settled.
    mutating func settle(through settled: UInt64) {
        gaps.removeAll { $0.through <= settled }
        if let first = gaps.first, first.from <= settled { gaps[0].from = settled + 1 }
    }

    /// The range to give up when there are more gaps than there is room for: the two oldest and
    /// what lies between.
    var excess: SpoolGap? {
        guard gaps.count > Self.limit else { return nil }
        return SpoolGap(from: gaps[0].from, through: gaps[1].through, reason: .overflow)
    }
}
