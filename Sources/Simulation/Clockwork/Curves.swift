/// Curves by `+ − × ÷ √` alone, so that draws are the same on every machine.
enum Curves {
    static let ln2 = 0.693_147_180_559_945_3

    /// The natural logarithm, within 10⁻⁹; `x` is finite and above 0.
    static func log(_ x: Double) -> Double {
        let mantissa = x.significand
        let z = (mantissa - 1) / (mantissa + 1)
        let square = z * z
        var term = z
        var sum = 0.0
        // z ≤ 1/3: the tenth term is below 10⁻¹⁰.
        for odd in 0..<10 {
            sum += term / Double(2 * odd + 1)
            term *= square
        }
        return Double(x.exponent) * ln2 + 2 * sum
    }

    /// e to the power `x`, within 10⁻⁹ of itself; `x` in −700…700.
    static func exp(_ x: Double) -> Double {
        let halvings = (x / ln2).rounded()
        let rest = x - halvings * ln2
        var term = 1.0
        var sum = 1.0
        // |rest| ≤ 0.35: the tenth term is below 10⁻¹⁰.
        for n in 1...10 {
            term *= rest / Double(n)
            sum += term
        }
        return Double(sign: .plus, exponent: Int(halvings), significand: sum)
    }
}
