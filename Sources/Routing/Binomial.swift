/// Exact binomial probabilities, by `+ − × ÷` alone.
enum Binomial {
    /// The probability of at most `k` successes in `n` independent trials of probability `p`.
    ///
    /// Right to ten digits for `n` to 100,000: the terms are summed as they are, with a common
    /// power of two taken out, so nothing under- or overflows on the way.
    static func lowerTail(_ k: Int, of n: Int, _ p: Double) -> Double {
        precondition(n >= 0 && p >= 0 && p <= 1)
        if k < 0 { return 0 }
        if k >= n || p == 0 { return 1 }
        if p == 1 { return 0 }
        var (term, exponent) = power(1 - p, n)
        var sum = term
        let odds = p / (1 - p)
        for i in 0..<k {
            term *= Double(n - i) / Double(i + 1) * odds
            sum += term
            if sum > tall {
                term /= tall
                sum /= tall
                exponent += tallExponent
            }
        }
        return min(1, Double(sign: .plus, exponent: exponent, significand: sum))
    }

    /// How many trials without one failure it takes until that has a probability of at most
    /// `level`: the least evidence that shows anything. `limit` where it takes more.
    static func trialsWithoutFailure(risk: Double, level: Double, limit: Int) -> Int {
        var low = 0
        var high = limit
        while low < high {
            let middle = low + (high - low) / 2
            if lowerTail(0, of: middle, risk) <= level { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Where terms are brought down: far from overflow, and a step grows a term by less than that.
    private static let tallExponent = 500
    private static let tall = Double(sign: .plus, exponent: 500, significand: 1)

    /// `base` to the power `n`, as a number in [1, 2) and a power of two. `0 < base < 1`.
    private static func power(_ base: Double, _ n: Int) -> (significand: Double, exponent: Int) {
        var result = (significand: 1.0, exponent: 0)
        var square = (significand: base.significand, exponent: Int(base.exponent))
        var rest = n
        while rest > 0 {
            if rest & 1 == 1 { result = product(result, square) }
            square = product(square, square)
            rest >>= 1
        }
        return result
    }

    private static func product(
        _ a: (significand: Double, exponent: Int), _ b: (significand: Double, exponent: Int)
    ) -> (significand: Double, exponent: Int) {
        let product = a.significand * b.significand
        return (product.significand, a.exponent + b.exponent + Int(product.exponent))
    }
}
