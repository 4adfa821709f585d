internal import Ground

/// How long a piece of work takes by itself: a plain moving average, for estimates.
struct ServiceTime: Sendable {
    /// A new sample's weight is 1/8: a change is seen after a dozen, one odd sample hardly counts.
    private static let weight: Int64 = 8

    /// `nil` before the first sample.
    private(set) var mean: Interval?

    mutating func observe(_ sample: Interval) {
        let sample = max(sample.nanoseconds, 1)
        guard let old = mean?.nanoseconds else {
            mean = Interval(nanoseconds: sample)
            return
        }
        mean = Interval(nanoseconds: old + (sample - old) / Self.weight)
    }
}
