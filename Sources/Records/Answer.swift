public import Ground

/// What one node's model said about one frame.
public struct Answer: Equatable, Sendable {
    public var task: String
    /// The camera and its frame number, where the client named them.
    public var frame: FrameName?
    /// The first 16 bytes of the SHA-256 of what was to be answered; empty when nobody hashed it.
    public var input: [UInt8] = []
    /// The tier that answered; `nil` when nobody did.
    public var tier: Tier?
    /// Who answered.
    public var node: String
    /// The bundle's digest; `nil` for a foreign model.
    public var bundle: Digest?
    /// Empty when the answer has no label.
    public var label: String
    /// Calibrated, 0 to 1; `nil` when the answer has none.
    public var confidence: Double?
    /// Whether it met the bar.
    public var accepted = true
    /// Why it is less than the task wants; empty when it is not.
    public var degraded = ""
    /// Whether both who signs and who approves stood behind the bundle.
    public var approved = true
    /// When the frame was taken; `nil` when nobody said.
    public var capturedAt: WallTime?
    public var answeredAt: WallTime
    public var latency = Interval.zero
    /// W3C trace id, 16 bytes, or empty.
    public var trace: [UInt8] = []
    /// The client's `id` of the request; feedback names it. Empty when it gave none.
    public var request = ""

    public init(
        task: String, frame: FrameName? = nil, tier: Tier?, node: String, bundle: Digest? = nil,
        label: String, confidence: Double?, answeredAt: WallTime
    ) {
        self.task = task
        self.frame = frame
        self.tier = tier
        self.node = node
        self.bundle = bundle
        self.label = label
        self.confidence = confidence
        self.answeredAt = answeredAt
    }
}

extension Tier? {
    /// 0 for nobody, 1 for a leaf, 3 for the cloud: as the wire and the store write it.
    public var standing: Int { map { $0.rank + 1 } ?? 0 }

    /// The tier of a `standing`; nobody for any other number.
    public init(standing: Int) { self = Tier.allCases.first { $0.rank + 1 == standing } }
}

/// A frame as its client names it.
public struct FrameName: Hashable, Sendable {
    public var stream: String
    public var sequence: UInt64

    public init(stream: String, sequence: UInt64) {
        self.stream = stream
        self.sequence = sequence
    }
}
