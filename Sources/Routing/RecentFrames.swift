/// What the last few thousand frames were like: how sure the leaf was of them, how large they were,
/// and how much bandwidth was earned meanwhile. Old frames fade as the sums are halved.
struct RecentFrames: Sendable {
    /// A confidence is known to 1/128; within a bin frames are taken as evenly spread.
    private static let bins = 128
    /// Sums are halved here, so 4096 to 8192 frames count: about a minute of four cameras at 30
    /// frames a second, and enough that a share of 1 % rests on forty frames or more.
    private static let most: UInt32 = 8192
    /// With fewer, the histogram says too little.
    private static let fewest: UInt32 = 64

    private var counts = InlineArray<128, UInt32>(repeating: 0)
    private(set) var frames: UInt32 = 0
    private var earnedBytes = 0.0
    private var seenBytes = 0.0

    mutating func add(_ confidence: Confidence, bytes: Int, earned: Double) {
        let bin = min(Int(confidence.value * Double(Self.bins)), Self.bins - 1)
        counts[bin] += 1
        frames += 1
        earnedBytes += earned
        seenBytes += Double(max(bytes, 0))
        if frames >= Self.most { fade() }
    }

    /// The share of frames that the bandwidth would carry: 1 where it carries them all.
    var carriedShare: Double {
        seenBytes > earnedBytes ? earnedBytes / seenBytes : 1
    }

    /// The confidence below which `share` of the recent frames lies; `nil` while too few were seen.
    ///
    /// Changes nothing; `mutating`, since it is half a kilobyte that would be copied otherwise.
    mutating func quantile(_ share: Double) -> Double? {
        guard frames >= Self.fewest else { return nil }
        let wanted = share * Double(frames)
        var below = 0.0
        for bin in 0..<Self.bins {
            let count = Double(counts[bin])
            if below + count >= wanted, count > 0 {
                return (Double(bin) + (wanted - below) / count) / Double(Self.bins)
            }
            below += count
        }
        return 1
    }

    private mutating func fade() {
        frames = 0
        for bin in 0..<Self.bins {
            counts[bin] /= 2
            frames += counts[bin]
        }
        earnedBytes /= 2
        seenBytes /= 2
    }
}
