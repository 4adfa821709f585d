/// Picks a small random share of confident answers to be checked by the tier above, to measure how
/// often the leaf is right where nobody else looks.
///
/// It looks at nothing but the dice: whatever it looked at would bias what the audits measure.
public struct AuditSampler: Hashable, Sendable {
    /// In 0…1.
    public let share: Double

    /// `nil` when the share is not in 0…1.
    public init?(share: Double) {
        guard share >= 0, share <= 1 else { return nil }
        self.share = share
    }

    /// Whether this accepted answer is audited.
    public func picks(random: inout some RandomNumberGenerator) -> Bool {
        random.drawUnit() < share
    }
}
