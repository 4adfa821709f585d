/// The confidence that an answer needs to be accepted where it was made.
public struct Bar: Hashable, Comparable, Sendable {
    /// In 0…1.
    public let value: Double

    /// A bar of 0…1; `nil` for anything else, NaN among it.
    public init?(_ value: Double) {
        guard value >= 0, value <= 1 else { return nil }
        self.value = value
    }

    /// Whether the answer is good enough: at the bar is accepted, just below it is not.
    ///
    /// A confidence of 0, which is also what a broken score becomes, passes no bar.
    @inlinable
    public func accepts(_ confidence: Confidence) -> Bool {
        confidence.value >= value && confidence.value > 0
    }

    public static func < (a: Bar, b: Bar) -> Bool { a.value < b.value }
}
