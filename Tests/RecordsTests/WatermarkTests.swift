import Ground
import Testing

@testable import Records

@Suite struct WatermarkTests {
    @Test func `The watermark stands before the first hole`() throws {
        var mark = Watermark()
        try mark.add(1...3)
        try mark.add(5...6)
        #expect(mark.through == 3)
        #expect(mark.holds(5) && !mark.holds(4))
        try mark.add(4...4)
        #expect(mark.through == 6 && mark.ahead.isEmpty)
    }

    @Test func `What is missing of a range is what no record and no gap stands for`() throws {
        var mark = Watermark()
        try mark.add(1...2)
        try mark.add(5...6)
        try mark.add(9...9)
        #expect(mark.missing(in: 1...2).isEmpty)
        #expect(mark.missing(in: 1...10) == [3...4, 7...8, 10...10])
        #expect(mark.missing(in: 6...8) == [7...8])
        #expect(mark.missing(in: 9...9).isEmpty)
        #expect(mark.missing(in: 20...21) == [20...21])
    }

    @Test func `Any order of ranges, each any number of times, ends with the same watermark`()
        throws
    {
        let ranges: [ClosedRange<UInt64>] = (0..<40).map { UInt64($0) * 7 + 1...UInt64($0) * 7 + 7 }
        var random = Randomness(seed: 7)
        for _ in 0..<500 {
            var mark = Watermark()
            var held: Set<UInt64> = []
            let order = (ranges + ranges.prefix(11)).shuffled(using: &random)
            for range in order {
                let before = mark.through
                try mark.add(range)
                held.formUnion(range)
                #expect(mark.through >= before)
                var expected: UInt64 = 0
                while held.contains(expected + 1) { expected += 1 }
                #expect(mark.through == expected)
            }
            #expect(mark == Watermark(through: 280, ahead: []))
        }
    }

    @Test func `Sixty-four ranges beyond a hole are remembered, and one more is refused`() throws {
        var mark = Watermark()
        for index in 0..<UInt64(Watermark.aheadLimit) {
            try mark.add(3 + 2 * index...3 + 2 * index)
        }
        let full = mark
        #expect(throws: Fault.self) { try mark.add(1001...1001) }
        #expect(mark == full)
        // What closes the hole is always welcome.
        try mark.add(1...2)
        #expect(mark.through == 3)
    }

    @Test func `The largest sequences do not overflow`() throws {
        var mark = Watermark()
        try mark.add(UInt64.max - 1...UInt64.max)
        try mark.add(UInt64.max - 3...UInt64.max - 2)
        #expect(mark.ahead == [UInt64.max - 3...UInt64.max])
    }
}
