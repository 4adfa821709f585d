/// Where in the hierarchy a node stands. The raw value is its name on the wire and in files.
///
/// Tiers compare by rank: `leaf < regional < cloud`. A higher tier has the larger model; where two
/// answers to the same frame meet, the higher tier's wins.
public enum Tier: String, CaseIterable, Comparable, Sendable {
    /// Beside the cameras: a small quantized model.
    case leaf
    /// One site up: the full model.
    case regional
    /// The last resort: another node, or any server of the Open Inference Protocol.
    case cloud

    /// 0 for a leaf, 1 for a regional node, 2 for the cloud.
    public var rank: Int {
        switch self {
        case .leaf: 0
        case .regional: 1
        case .cloud: 2
        }
    }

    public static func < (a: Tier, b: Tier) -> Bool { a.rank < b.rank }
}
