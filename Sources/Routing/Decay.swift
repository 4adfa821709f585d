internal import Ground

/// Exponential forgetting without a library's `exp`, so that every machine forgets alike.
enum Decay {
    /// e^(−elapsed ÷ constant): 1 when no time has passed, near 0 after many constants.
    ///
    /// The eighth power of 1 ÷ (1 + y + y²/2 + y³/6 + y⁴/24) at y = x/8: within 0.0002 of the
    /// exponential everywhere, and monotone.
    static func remaining(after elapsed: Interval, constant: Interval) -> Double {
        guard elapsed.nanoseconds > 0 else { return 1 }
        let y = Double(elapsed.nanoseconds) / (8 * Double(max(constant.nanoseconds, 1)))
        let series = 1 + y * (1 + y / 2 * (1 + y / 3 * (1 + y / 4)))
        let root = 1 / series
        let square = root * root
        let fourth = square * square
        return fourth * fourth
    }
}
