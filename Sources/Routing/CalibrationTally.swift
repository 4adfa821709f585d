/// Calibration scores, counted per bar of the grid: all that choosing a bar needs.
public struct CalibrationTally: Sendable {
    /// Scores counted.
    public private(set) var count = 0
    /// How many have bar i as the surest that accepts them, and how many of those are wrong.
    private var reaching = [Int](repeating: 0, count: BarGrid.bars.count)
    private var wrong = [Int](repeating: 0, count: BarGrid.bars.count)

    public init() {}

    /// Counts one labelled frame: how sure the model was, and whether its answer was right.
    public mutating func add(_ confidence: Confidence, isRight: Bool) {
        count += 1
        guard let index = BarGrid.index(accepting: confidence) else { return }
        reaching[index] += 1
        if !isRight { wrong[index] += 1 }
    }

    /// Per bar of the grid, surest first: how many scores it accepts, and how many of them are
    /// wrong.
    func cumulated() -> [(accepted: Int, wrong: Int)] {
        var sum = (accepted: 0, wrong: 0)
        return zip(reaching, wrong).map { reaching, wrong in
            sum.accepted += reaching
            sum.wrong += wrong
            return sum
        }
    }
}
