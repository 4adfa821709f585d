import Ground
import Testing

@testable import Records

@Suite struct MergeTests {
    /// Answers of two leaves, a regional node and the cloud about one frame; the leaves' clocks are
    /// five seconds apart.
    private static let entries: [Merged<Int>.Entry] = {
        let second: UInt64 = 1000 << 16
        let now = 1_700_000_000 * second
        let rows: [(Tier?, String, UInt64, Bool)] = [
            (.leaf, "leaf-a", now, true), (.leaf, "leaf-b", now + 5 * second, true),
            (.leaf, "leaf-b", now + 5 * second, true), (.regional, "region", now, true),
            (.regional, "region", now + 1, true), (.cloud, "cloud", now - second, false),
            (nil, "leaf-a", now + 9 * second, true),
        ]
        return rows.enumerated().map { index, row in
            var answer = Answer(
                task: "digits", frame: FrameName(stream: "cam-1", sequence: 9), tier: row.0,
                node: row.1, label: "\(index)", confidence: 0.5,
                answeredAt: WallTime(nanoseconds: 0))
            answer.approved = row.3
            let origin = Origin(
                site: "mill", node: index % 2 == 0 ? "leaf-a" : "leaf-b", epoch: 4, queue: .result)
            let place = Standing.Place(origin, UInt64(index + 1))
            return Merged<Int>.Entry(Standing(answer, clock: row.2, place: place), index)
        }
    }()

    private func merge(_ order: [Int]) -> [Int] {
        var merged = Merged(Self.entries[order[0]])
        for index in order.dropFirst() { merged.take(Self.entries[index]) }
        return merged.entries.map(\.item)
    }

    @Test func `Every one of the 5,040 orders of seven answers gives the same record`() {
        let expected = merge(Array(0..<7))
        #expect(expected.first == 4)
        var orders = 0
        permute(Array(0..<7)) { order in
            orders += 1
            if merge(order) != expected { Issue.record("\(order) gave \(merge(order))") }
        }
        #expect(orders == 5040)
    }

    @Test func `Ten thousand deliveries with repetitions converge, and lose nobody`() {
        let expected = merge(Array(0..<7))
        var random = Randomness(seed: 1)
        for _ in 0..<10_000 {
            let repeated = (0..<5).map { _ in Int(random.next() % 7) }
            let order = (Array(0..<7) + repeated).shuffled(using: &random)
            if merge(order) != expected { Issue.record("\(order) gave \(merge(order))") }
        }
    }

    @Test func `Approval comes before tier, tier before clock, clock before name`() {
        let standings = Self.entries.map(\.standing)
        #expect(standings[5] < standings[0], "an unapproved cloud ranks below an approved leaf")
        #expect(standings[1] < standings[3], "a later leaf ranks below a regional node")
        #expect(standings[0] < standings[1])
        #expect(standings[6] < standings[0], "who has no answer ranks below who has one")
        var named = standings[0]
        named.node = "leaf-z"
        #expect(standings[0] < named)
    }

    @Test func `A frame's name makes its key, and the input's hash where it has none`() {
        var answer = Answer(
            task: "t", frame: FrameName(stream: "s", sequence: 1), tier: .leaf, node: "n",
            label: "", confidence: nil, answeredAt: WallTime(nanoseconds: 0))
        answer.input = [1, 2, 3]
        let named = MergeKey(of: answer)
        answer.input = [4]
        #expect(MergeKey(of: answer) == named)
        answer.node = "other"
        #expect(MergeKey(of: answer) == named)
        answer.frame?.sequence = 2
        #expect(MergeKey(of: answer) != named)
        answer.frame = nil
        let hashed = MergeKey(of: answer)
        answer.task = "u"
        #expect(MergeKey(of: answer) != hashed)
    }

    /// All orders of `items`, by Heap's algorithm.
    private func permute(_ items: [Int], _ body: ([Int]) -> Void) {
        var items = items
        var counters = [Int](repeating: 0, count: items.count)
        body(items)
        var index = 0
        while index < items.count {
            if counters[index] < index {
                items.swapAt(index % 2 == 0 ? 0 : counters[index], index)
                body(items)
                counters[index] += 1
                index = 0
            } else {
                counters[index] = 0
                index += 1
            }
        }
    }
}
