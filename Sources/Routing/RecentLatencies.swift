internal import Ground

/// The last latencies of a kind of call, for a rolling quantile: the moment after which a second
/// call is worth making.
struct RecentLatencies: Sendable {
    /// 128 calls: a few seconds of a busy camera, and the 95th percentile still has six above it.
    private static let capacity = 128
    /// Fewer say nothing about a twentieth.
    static let least = 20
    /// Eight buckets an octave: an upper edge is at most an eighth too high.
    private static let buckets = 256

    private var ring: [UInt8] = []
    private var next = 0
    private var counts: [UInt8] = []

    mutating func observe(_ latency: Interval) {
        if counts.isEmpty { counts = Array(repeating: 0, count: Self.buckets) }
        let bucket = Self.bucket(of: latency)
        if ring.count < Self.capacity {
            ring.append(bucket)
        } else {
            counts[Int(ring[next])] -= 1
            ring[next] = bucket
            next = (next + 1) % Self.capacity
        }
        counts[Int(bucket)] += 1
    }

    /// The upper edge of the bucket that holds the quantile; `nil` before enough calls.
    func quantile(percent: Int) -> Interval? {
        guard ring.count >= Self.least else { return nil }
        let rank = (ring.count * percent + 99) / 100
        var sum = 0
        for (bucket, count) in counts.enumerated() {
            sum += Int(count)
            if sum >= rank { return Self.upperEdge(of: bucket) }
        }
        return nil
    }

    /// Microseconds in floating point with three bits of fraction, as one byte.
    private static func bucket(of latency: Interval) -> UInt8 {
        let micros = UInt64(clamping: max(latency.nanoseconds / 1000, 1))
        let exponent = 63 - micros.leadingZeroBitCount
        let fraction = exponent >= 3 ? micros >> (exponent - 3) & 7 : micros << (3 - exponent) & 7
        return UInt8(clamping: exponent * 8 + Int(fraction))
    }

    private static func upperEdge(of bucket: Int) -> Interval {
        let (exponent, fraction) = (bucket / 8, bucket % 8)
        let micros = Int64(9 + fraction) << Int64(min(exponent, 40))
        return .nanoseconds(micros * 125)
    }
}
