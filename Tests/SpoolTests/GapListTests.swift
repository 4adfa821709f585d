import Testing

@testable import Spool

@Suite struct GapListTests {
    private func list(_ gaps: [(UInt64, UInt64, SpoolLoss)]) -> GapList {
        var list = GapList()
        for (from, through, reason) in gaps {
            list.add(SpoolGap(from: from, through: through, reason: reason))
        }
        return list
    }

    @Test func `Neighbours of one reason become one`() {
        let gaps = list([(1, 3, .overflow), (6, 9, .overflow), (4, 5, .overflow)]).gaps
        #expect(gaps == [SpoolGap(from: 1, through: 9, reason: .overflow)])
    }

    @Test func `A gap takes the place of what it covers and counts what is newly lost`() {
        var gaps = list([(2, 3, .damaged), (7, 10, .unfinished)])
        #expect(gaps.add(SpoolGap(from: 1, through: 8, reason: .overflow)) == 4)
        #expect(
            gaps.gaps == [
                SpoolGap(from: 1, through: 8, reason: .overflow),
                SpoolGap(from: 9, through: 10, reason: .unfinished),
            ])
    }
}
