/// The bars that a risk may choose from, surest first, and where testing starts. Both are fixed
/// before any score is seen, which is what makes the choice sound.
enum BarGrid {
    /// 0.9999, 0.9998 … 0.9991, 0.999 … 0.991, 0.99, 0.985 … 0.005: fine where networks crowd.
    ///
    /// More bars cost nothing in confidence, since testing is in sequence.
    static let bars: [Double] = {
        let tenthousandths =
            Array(1..<10) + stride(from: 10, to: 100, by: 10) + stride(from: 100, to: 10000, by: 50)
        return tenthousandths.map { Double(10_000 - $0) / 10_000 }
    }()

    /// Ascending indices into `bars` of the surest bars at or below 1 − r/4, 1 − r, 1 − 4r, 1 −
    /// 16r.
    ///
    /// Every frame at or above 1 − r is within the risk by itself where the scores are calibrated,
    /// so that is where many are accepted and few are wrong. r/4 serves a model that is surer than
    /// it should be; 4r and 16r one that is less sure, and margins and entropies, whose scales
    /// differ. Starts that fall below the last bar are left out.
    static func starts(risk: Double) -> [Int] {
        var starts: [Int] = []
        for multiple in [0.25, 1, 4, 16] {
            guard let index = bars.firstIndex(where: { $0 <= 1 - multiple * risk + rounding }),
                starts.last != index
            else { continue }
            starts.append(index)
        }
        return starts
    }

    /// Takes up what is lost when 1 − 16 × 5 % is a little less than 0.2; far below the grid's
    /// step.
    private static let rounding = 1e-9

    /// The index of the surest bar that accepts this confidence; `nil` when none does.
    static func index(accepting confidence: Confidence) -> Int? {
        var low = 0
        var high = bars.count
        while low < high {
            let middle = (low + high) / 2
            if confidence.value >= bars[middle] { high = middle } else { low = middle + 1 }
        }
        return low < bars.count ? low : nil
    }
}
