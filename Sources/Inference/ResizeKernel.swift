/// Which source pixels make each target pixel along one axis, and with what weights.
///
/// The weights are those of `PIL.Image.resize` on 8-bit images, to the bit: the filter's support
/// grows with the reduction, weights are computed in 64-bit floats, scaled to sum 1 and rounded to
/// 22 fractional bits.
final class ResizeKernel {
    /// 32 bits less 8 for the result and 2 for weights below 0 and above 1.
    static let fractionBits: Int32 = 22

    let source: Int
    let target: Int
    let filter: ImagePreprocessing.Filter
    /// Weights per target pixel, the unused ones at the end zero.
    let taps: Int
    /// First source pixel of each target pixel.
    let starts: [Int]
    /// How many source pixels each target pixel takes.
    let counts: [Int]
    /// `taps` weights for each target pixel.
    let weights: [Int32]

    /// - Parameter filter: not `.nearest`, which weighs nothing.
    init(source: Int, target: Int, filter: ImagePreprocessing.Filter) {
        self.source = source
        self.target = target
        self.filter = filter
        let scale = Double(source) / Double(target)
        let stretch = max(scale, 1)
        let support = filter.support * stretch
        taps = Int(support.rounded(.up)) * 2 + 1
        var starts: [Int] = []
        var counts: [Int] = []
        var weights = [Int32](repeating: 0, count: target * taps)
        for index in 0..<target {
            let center = (Double(index) + 0.5) * scale
            let start = max(Int(center - support + 0.5), 0)
            let count = min(Int(center + support + 0.5), source) - start
            let raw = (0..<count).map { offset in
                filter.weight((Double(offset + start) - center + 0.5) * (1 / stretch))
            }
            let sum = raw.reduce(0, +)
            for (offset, weight) in raw.enumerated() {
                weights[index * taps + offset] = Self.fixed(sum == 0 ? weight : weight / sum)
            }
            starts.append(start)
            counts.append(count)
        }
        self.starts = starts
        self.counts = counts
        self.weights = weights
    }

    private static func fixed(_ weight: Double) -> Int32 {
        let scaled = weight * Double(1 << fractionBits)
        return Int32(weight < 0 ? scaled - 0.5 : scaled + 0.5)
    }

    func fits(source: Int, target: Int, filter: ImagePreprocessing.Filter) -> Bool {
        self.source == source && self.target == target && self.filter == filter
    }
}

extension ImagePreprocessing.Filter {
    /// How far the filter reaches from its centre, in source pixels when nothing shrinks.
    var support: Double {
        switch self {
        case .nearest: 0
        case .box: 0.5
        case .bilinear: 1
        case .bicubic: 2
        }
    }

    /// The filter's value at distance `x`. Bicubic is Keys' with a = −0.5.
    func weight(_ x: Double) -> Double {
        let distance = abs(x)
        switch self {
        case .nearest: return 0
        case .box: return x > -0.5 && x <= 0.5 ? 1 : 0
        case .bilinear: return distance < 1 ? 1 - distance : 0
        case .bicubic:
            if distance < 1 {
                return ((-0.5 + 2) * distance - (-0.5 + 3)) * distance * distance + 1
            }
            if distance < 2 { return (((distance - 5) * distance + 8) * distance - 4) * -0.5 }
            return 0
        }
    }
}
