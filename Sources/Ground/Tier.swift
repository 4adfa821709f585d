/// How far up the hierarchy a node stands. The raw value is its name in files and on the wire.
public enum Tier: String, CaseIterable, Sendable, Comparable, CustomStringConvertible {
    /// Beside the cameras: small quantized models, first answer.
    case leaf
    /// Between leaves and cloud: full models.
    case regional
    /// The last word.
    case cloud

    /// 0 for a leaf, 2 for the cloud.
    public var rank: Int {
        switch self {
        case .leaf: 0
        case .regional: 1
        case .cloud: 2
        }
    }

    public var description: String { rawValue }

    public static func < (a: Tier, b: Tier) -> Bool { a.rank < b.rank }
}
