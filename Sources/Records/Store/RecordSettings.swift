public import Ground

/// How a node keeps what arrives.
public struct RecordSettings: Equatable, Sendable {
    /// How long each class is kept, from its arrival here.
    public struct Retention: Equatable, Sendable {
        /// Payloads: the pictures themselves.
        public var frames: Interval
        /// Answers, settlements, labels, gaps, telemetry and alerts.
        public var records: Interval
        public var audit: Interval

        public init(
            frames: Interval = .seconds(7 * 86_400), records: Interval = .seconds(90 * 86_400),
            audit: Interval = .seconds(400 * 86_400)
        ) {
            self.frames = frames
            self.records = records
            self.audit = audit
        }
    }

    /// The node whose store this is: it signs its own audit entries.
    public var node: String
    public var site: String
    public var retention: Retention
    /// Bytes of disk that payloads take; past it the oldest go.
    public var frameBytes: Int
    /// Bytes of them that frames may take which were answered when they came.
    public var liveBytes: Int

    public init(
        node: String, site: String = "", retention: Retention = Retention(),
        frameBytes: Int = 10 << 30, liveBytes: Int = 5 << 29
    ) {
        self.node = node
        self.site = site
        self.retention = retention
        self.frameBytes = frameBytes
        self.liveBytes = min(liveBytes, frameBytes)
    }
}
