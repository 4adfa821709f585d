import Ground
import Testing
import Wire

@testable import Telemetry

@Suite struct SketchTests {
    /// Values as a node sees them, and as it does not.
    static let distributions: [(name: String, draw: @Sendable (inout Randomness) -> UInt64)] = [
        ("uniform", { UInt64($0.unit() * 1e9) }),
        ("small", { UInt64($0.unit() * 200) }),
        ("exponential", { UInt64(-1e6 * log($0.unit())) }),
        ("heavy tail", { UInt64(min(1e13, 1000 / ($0.unit() * $0.unit() + 1e-12))) }),
        ("two peaks", { $0.unit() < 0.9 ? 400_000 + $0.next() % 1000 : 90_000_000 }),
        ("constant", { _ in 123_456_789 }),
        ("powers of two", { UInt64(1) << ($0.next() % 44) }),
    ]
    static let quantiles = [0, 0.001, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1]

    @Test(arguments: distributions.indices)
    func `Every quantile is within one percent of the exact one`(_ index: Int) throws {
        var random = Randomness(seed: UInt64(index))
        let values = (0..<20_000).map { _ in Self.distributions[index].draw(&random) }
        var sketch = Sketch()
        for value in values { sketch.insert(value) }
        let sorted = values.sorted()
        for q in Self.quantiles {
            let rank = max(1, Int((q * Double(sorted.count)).rounded(.up)))
            let exact = Double(sorted[rank - 1])
            let told = Double(try #require(sketch.quantile(q)))
            #expect(abs(told - exact) <= 0.01 * exact, "q \(q): \(told) for \(exact)")
        }
        #expect(sketch.count == 20_000)
        #expect(sketch.sum == values.reduce(0, +))
        #expect(sketch.minimum == sorted.first && sketch.maximum == sorted.last)
    }

    @Test func `A merged sketch equals the sketch of all values, in any order`() {
        var random = Randomness(seed: 9)
        var pooled = Sketch()
        var parts = [Sketch](repeating: Sketch(), count: 5)
        for round in 0..<10_000 {
            let value = Self.distributions[round % Self.distributions.count].draw(&random)
            pooled.insert(value)
            parts[Int(random.next() % 4)].insert(value)
        }
        var forward = Sketch()
        for part in parts { forward.merge(part) }
        var backward = Sketch()
        for part in parts.reversed() { backward.merge(part) }
        #expect(forward == pooled)
        #expect(backward == pooled)
    }

    @Test func `Minutes of a sketch that goes on merge into the whole again`() throws {
        var random = Randomness(seed: 11)
        var whole = Sketch()
        var (sum, before) = (Sketch(), Sketch())
        for minute in 0..<20 {
            // Some minutes bring nothing.
            for _ in 0..<(minute % 4) * 500 {
                whole.insert(Self.distributions[minute % 7].draw(&random))
            }
            let rest = whole.since(before)
            #expect(rest.count == whole.count - before.count)
            let written = TelemetryRecord.Latencies(name: "look", rest)
            sum.merge(try #require(written.sketch))
            before = whole
        }
        #expect(sum.count == whole.count && sum.sum == whole.sum)
        for q in Self.quantiles.dropFirst().dropLast() {
            #expect(sum.quantile(q) == whole.quantile(q), "q \(q)")
        }
        #expect(sum.minimum == whole.minimum && sum.maximum == whole.maximum)
    }

    @Test func `What is no sketch is not taken for one`() {
        func read(_ buckets: [UInt32], _ counts: [UInt64], least: UInt64 = 1) -> Sketch? {
            TelemetryRecord.Latencies(
                name: "", buckets: buckets, counts: counts, sum: 9, least: least, most: 5_000
            ).sketch
        }
        #expect(read([3, 900], [1, 2])?.count == 3)
        #expect(read([], []) == Sketch())
        #expect(read([3], []) == nil && read([4, 3], [1, 1]) == nil && read([3, 3], [1, 1]) == nil)
        #expect(read([3], [0]) == nil && read([1 << 20], [1]) == nil)
        #expect(read([3, 4], [.max, 1]) == nil && read([3], [1], least: 6_000) == nil)
    }

    @Test func `Buckets follow each other without gap, each within its bound`() {
        var last = -1
        for exponent in 0..<Sketch.exponents {
            for offset: UInt64 in [0, 1] {
                let value = (UInt64(1) << UInt64(exponent)) - 1 + offset
                let index = Sketch.index(of: value)
                #expect(index == last || index == last + 1 || index > last)
                last = index
            }
        }
        for index in 0..<Sketch.bucketCount {
            let middle = Sketch.middle(of: index)
            #expect(Sketch.index(of: middle) == index)
            if index > 0 {
                #expect(Sketch.middle(of: index - 1) < middle)
            }
        }
    }

    @Test func `A sketch holds no more than the sizes that it saw`() {
        var sketch = Sketch()
        #expect(sketch.heldBuckets == 0)
        for value: UInt64 in [1_000_000, 2_000_000, 700_000] { sketch.insert(value) }
        #expect(sketch.heldBuckets == 128)
        sketch.insert(0)
        sketch.insert(.max)
        #expect(sketch.heldBuckets == Sketch.bucketCount)
    }

    @Test func `An empty sketch has no quantile, least or most`() {
        let sketch = Sketch()
        #expect(sketch.quantile(0.5) == nil && sketch.minimum == nil && sketch.maximum == nil)
    }

    @Test func `Counts as large as can be, of another machine, add up to the largest`() throws {
        let other = try #require(
            Sketch(filled: [(bucket: 5, count: .max)], sum: .max, least: 5, most: 5))
        var both = other
        both.merge(other)
        #expect(both.count == .max && both.sum == .max)
        #expect(both.quantile(0.5) == 5 && both.quantile(1) == 5)
    }

    @Test func `Values past the last bucket are counted, and the largest stays exact`() {
        var sketch = Sketch()
        sketch.insert(.max)
        sketch.insert(.max)
        #expect(sketch.quantile(0.5) == .max && sketch.sum == .max && sketch.count == 2)
    }
}

/// The natural logarithm, for drawing only: ln x = 2 artanh((x − 1) / (x + 1)) after scaling by 2.
private func log(_ x: Double) -> Double {
    guard x > 0 else { return -40 }
    let mantissa = x.significand
    let t = (mantissa - 1) / (mantissa + 1)
    var sum = 0.0
    var power = t
    for term in stride(from: 1.0, through: 39, by: 2) {
        sum += power / term
        power *= t * t
    }
    return 2 * sum + Double(x.exponent) * 0.6931471805599453
}
