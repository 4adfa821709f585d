import Ground

extension Randomness {
    /// The seed of one of many streams that have nothing to do with each other.
    static func seed(_ seed: UInt64, _ kind: UInt64, _ index: Int) -> UInt64 {
        var mixer = Randomness(seed: seed ^ (kind &* 0xA24B_AED4_963E_E407))
        return mixer.next() ^ (UInt64(index) &* 0x9FB2_1C65_1E98_DF25)
    }

    /// Uniform in `0 ..< count`; `count` at least 1.
    mutating func draw(below count: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(count)).high)
    }

    /// Exponentially distributed with mean 1.
    mutating func exponential() -> Double { -Curves.log(unit() + 0x1p-54) }

    /// Normally distributed with mean 0 and deviation 1 (Marsaglia's polar method).
    mutating func normal() -> Double {
        while true {
            let x = 2 * unit() - 1
            let y = 2 * unit() - 1
            let square = x * x + y * y
            if square > 0, square < 1 {
                return x * (-2 * Curves.log(square) / square).squareRoot()
            }
        }
    }
}
