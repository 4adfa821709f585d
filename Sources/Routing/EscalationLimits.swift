public import Ground

extension EscalationBudget {
    /// How much may escalate: `escalate: { share: 8%, bandwidth: 2Mbit/s }`.
    public struct Limits: Hashable, Sendable {
        /// Share of all answered frames that may escalate, 0…1.
        public let share: Double
        /// Bytes per second that escalations may send; `nil` sets no limit.
        public let bandwidth: Int?
        /// Frames that may be saved for a hard time.
        public let burstFrames: Int
        /// Bytes that may be saved for a hard time.
        public let burstBytes: Int

        /// What the share earns in 1,000 frames is saved unless stated: eight seconds of four
        /// cameras at 30 frames a second. Less than 8 would leave the level nothing to tell by.
        private static let savedFrames = 1_000
        private static let leastBurst = 8
        /// The same eight seconds of bandwidth.
        private static let savedSeconds = 8
        private static let mostFrames = 1 << 30

        /// - Throws: a fault of code `invalid` when a number is outside its range.
        public init(
            share: Double, bandwidth: Int? = nil, burstFrames: Int? = nil, burstBytes: Int? = nil
        ) throws(Fault) {
            guard share >= 0, share <= 1 else {
                throw Fault(
                    .invalid, "an escalation share of \(share) came, expected 0% to 100%",
                    remedy: "state the share of frames that may escalate, such as 8%")
            }
            let rate = bandwidth ?? 1
            let earned = max(Int(share * Double(Self.savedFrames)), Self.leastBurst)
            let frames = burstFrames ?? earned
            let mostBytes = ByteTokens.largestBurst
            let saved = rate.multipliedReportingOverflow(by: Self.savedSeconds)
            let bytes = burstBytes ?? (saved.overflow ? mostBytes : min(saved.0, mostBytes))
            guard rate >= 1, (1...Self.mostFrames).contains(frames),
                (1...mostBytes).contains(bytes)
            else {
                throw Fault(
                    .invalid,
                    """
                    an escalation bandwidth of \(rate) B/s with bursts of \(frames) frames and \
                    \(bytes) bytes came, expected at least 1 each, at most \(Self.mostFrames) \
                    frames and \(mostBytes) bytes
                    """,
                    remedy: "leave the bursts out, and state a bandwidth such as 2Mbit/s")
            }
            self.share = share
            self.bandwidth = bandwidth
            self.burstFrames = frames
            self.burstBytes = bytes
        }
    }
}
