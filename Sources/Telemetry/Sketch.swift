internal import Ground

/// A distribution of whole numbers from which quantiles can be told within 1 %, and which merges:
/// the sketch of two sketches is the sketch of all their values.
///
/// Buckets are log-linear: each power of two is cut into 64 equal parts, and a bucket answers with
/// its middle, so an answer is at most 1/128 (0.78 %) from the value. Only integers are involved,
/// so a sketch is the same on every machine. Inserting allocates nothing but for the first value of
/// a size never seen.
public struct Sketch: Sendable, Equatable {
    /// Parts of each power of two, as a power of two itself.
    static let precision = 6
    private static let parts = 1 << precision
    /// Values from 2⁴⁴ on share the last bucket: in nanoseconds that is 4.9 hours, in bytes 17 TB.
    static let exponents = 44
    /// Number of buckets at most, 8 bytes each: 20 KiB a sketch. Only the powers of two between the
    /// smallest and the largest value are held, which for a latency is 2 to 5 KiB.
    public static let bucketCount = (exponents - precision + 1) * parts

    /// Counts of the buckets from `first` on: whole powers of two.
    private var buckets: [UInt64] = []
    private var first = 0
    /// How many values were inserted.
    public private(set) var count: UInt64 = 0
    /// Their sum; stays at the largest number when it would pass it.
    public private(set) var sum: UInt64 = 0
    private var least = UInt64.max
    private var most: UInt64 = 0

    public init() {}

    /// The smallest value, exactly; `nil` when there is none.
    public var minimum: UInt64? { count == 0 ? nil : least }
    /// The largest value, exactly; `nil` when there is none.
    public var maximum: UInt64? { count == 0 ? nil : most }

    /// Buckets that memory is held for.
    var heldBuckets: Int { buckets.count }

    /// Counts `value` once.
    public mutating func insert(_ value: UInt64) {
        let index = Self.index(of: value)
        if index < first || index >= first + buckets.count { hold(index) }
        buckets[index - first] += 1
        count += 1
        sum = sum.saturatingSum(value)
        least = min(least, value)
        most = max(most, value)
    }

    /// Adds all values of `other`.
    public mutating func merge(_ other: Sketch) {
        guard other.count > 0 else { return }
        hold(other.first)
        hold(other.first + other.buckets.count - 1)
        for (index, inside) in other.buckets.enumerated() {
            let place = other.first - first + index
            buckets[place] = buckets[place].saturatingSum(inside)
        }
        // Sketches come from other machines too.
        count = count.saturatingSum(other.count)
        sum = sum.saturatingSum(other.sum)
        least = min(least, other.least)
        most = max(most, other.most)
    }

    /// What was inserted since an earlier state of this sketch. Counts and sum are exact; the least
    /// and the largest value are within 1 %, and exact where they are those of the whole.
    public func since(_ earlier: Sketch) -> Sketch {
        guard earlier.count > 0 else { return self }
        guard count > earlier.count else { return Sketch() }
        var rest = self
        for (index, inside) in earlier.buckets.enumerated() {
            rest.buckets[earlier.first - first + index] &-= inside
        }
        rest.count -= earlier.count
        rest.sum -= min(earlier.sum, sum)
        let filled = rest.buckets.indices.filter { rest.buckets[$0] > 0 }
        let low = Self.middle(of: first + (filled.first ?? 0))
        let high = Self.middle(of: first + (filled.last ?? 0))
        rest.least = least < earlier.least ? least : min(max(low, least), most)
        rest.most = most > earlier.most ? most : min(max(high, least), most)
        return rest
    }

    /// The buckets that are not empty, ascending, and how many values lie in each.
    public var filled: [(bucket: UInt32, count: UInt64)] {
        buckets.indices.filter { buckets[$0] > 0 }.map { (UInt32(first + $0), buckets[$0]) }
    }

    /// The sketch of these buckets; `nil` when they are none of a sketch.
    public init?(
        filled: [(bucket: UInt32, count: UInt64)], sum: UInt64, least: UInt64, most: UInt64
    ) {
        self.init()
        guard !filled.isEmpty else { return }
        guard least <= most, Self.index(of: least) <= Int(filled[0].bucket) else { return nil }
        var previous = -1
        for (bucket, inside) in filled {
            let index = Int(bucket)
            let (total, overflow) = count.addingReportingOverflow(inside)
            guard index > previous, index < Self.bucketCount, inside > 0, !overflow else {
                return nil
            }
            hold(index)
            buckets[index - first] = inside
            count = total
            previous = index
        }
        (self.sum, self.least, self.most) = (sum, least, most)
    }

    /// The value of rank ⌈q × count⌉, within 1 %; exact at 0 and 1. `nil` when there is none.
    ///
    /// Values from 2⁴⁴ on are told apart only by the largest of them.
    public func quantile(_ q: Double) -> UInt64? {
        guard count > 0 else { return nil }
        if q <= 0 { return least }
        if q >= 1 { return most }
        let rank = max(1, UInt64((q * Double(count)).rounded(.up)))
        var seen: UInt64 = 0
        for (offset, inside) in buckets.enumerated() where inside > 0 {
            seen = seen.saturatingSum(inside)
            if seen >= rank {
                let index = first + offset
                let isLast = index == Self.bucketCount - 1
                return isLast ? most : min(max(Self.middle(of: index), least), most)
            }
        }
        return most
    }

    /// Makes room for the power of two of bucket `index`, and for all between it and what is held.
    private mutating func hold(_ index: Int) {
        let low = index / Self.parts * Self.parts
        if buckets.isEmpty { first = low }
        if low < first {
            buckets.insert(contentsOf: repeatElement(0, count: first - low), at: 0)
            first = low
        }
        let missing = low + Self.parts - first - buckets.count
        if missing > 0 { buckets.append(contentsOf: repeatElement(0, count: missing)) }
    }

    /// The bucket of `value`: itself below 64, then 64 for each power of two.
    static func index(of value: UInt64) -> Int {
        guard value >= parts else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        guard exponent < exponents else { return bucketCount - 1 }
        let part = Int(value >> UInt64(exponent - precision)) & (parts - 1)
        return (exponent - precision + 1) * parts + part
    }

    /// The value in the middle of a bucket, rounded down.
    static func middle(of index: Int) -> UInt64 {
        guard index >= 2 * parts else { return UInt64(index) }
        let width = UInt64(1) << UInt64(index / parts - 1)
        return UInt64(parts + index % parts) * width + (width - 1) / 2
    }
}
