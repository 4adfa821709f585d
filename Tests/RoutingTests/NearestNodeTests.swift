import Ground
import Testing

@testable import Routing

@Suite struct NearestNodeTests {
    typealias Nearest = NearestNode<String>

    /// Candidates named a, b, c … at these distances; those at a negative one are not live.
    static func nodes(_ milliseconds: [Double], pending: [Int] = []) -> [Nearest.Candidate] {
        milliseconds.enumerated().map { index, distance in
            let interval = Interval(nanoseconds: Int64(abs(distance) * 1e6))
            return Nearest.Candidate(
                id: String(UnicodeScalar(UInt8(97 + index))), distance: interval, cost: interval,
                pending: index < pending.count ? pending[index] : 0, isLive: distance >= 0)
        }
    }

    /// Which nodes are chosen in 200 draws.
    static func chosen(
        _ nearest: inout Nearest, _ nodes: [Nearest.Candidate]
    ) -> Set<String> {
        var random = Randomness(seed: 4)
        var chosen: Set<String> = []
        for _ in 0..<200 {
            guard let index = nearest.choose(among: nodes, random: &random) else { continue }
            chosen.insert(nodes[index].id)
        }
        return chosen
    }

    static let table: [(distances: [Double], chosen: Set<String>)] = [
        ([40, 5, 120, 20, 80], ["b"]),
        ([40, -5, 120, 20, 80], ["d"]),
        ([40, -5, 120, -20, 80], ["a"]),
        ([-40, -5, 120, -20, 80], ["e"]),
        ([-40, -5, 120, -20, -80], ["c"]),
        ([-40, -5, -120], []),
        ([], []),
        // Over 50 ms there are no near-equals.
        ([55, 56], ["a"]),
        ([50.5, 51], ["a"]),
        ([49, 51], ["a"]),
        ([50, 50.000_001], ["a"]),
        ([60, 60], ["a", "b"]),
        // Below, 20 % is near enough, and so is a millisecond.
        ([10, 12], ["a"]),
        ([10, 12.5], ["a"]),
        ([0.2, 0.9], ["a"]),
    ]

    @Test func `The nearest live node is chosen`() {
        for row in Self.table {
            var nearest = Nearest()
            #expect(Self.chosen(&nearest, Self.nodes(row.distances)) == row.chosen, "\(row)")
        }
    }

    @Test func `Near-equals share by load, and others get none`() {
        let table: [(distances: [Double], pending: [Int], chosen: Set<String>)] = [
            ([10, 12], [1, 0], ["b"]), ([10, 12], [0, 1], ["a"]), ([10, 12.1], [50, 0], ["a"]),
            ([0.2, 1.1], [9, 0], ["b"]), ([49, 51], [50, 0], ["a"]),
            ([10, 10, 10], [0, 0, 9], ["a", "b"]), ([10, 10, 10], [0, 0, 0], ["a", "b", "c"]),
        ]
        for row in table {
            var nearest = Nearest()
            let nodes = Self.nodes(row.distances, pending: row.pending)
            #expect(Self.chosen(&nearest, nodes) == row.chosen, "\(row)")
        }
    }

    @Test func `Home moves only for a node that is a fifth nearer`() {
        let table: [(first: [Double], then: [Double], home: String)] = [
            ([10, 30], [10, 8.1], "a"), ([10, 30], [10, 8], "a"), ([10, 30], [10, 7.9], "b"),
            ([10, 30], [-10, 30], "b"), ([10, 30], [49, 48], "a"),
            // No loyalty beyond 50 ms, nor to a node that drifts there.
            ([10, 30], [50.1, 49], "b"), ([60, 70], [60, 59], "b"), ([60, 70], [60, 60], "a"),
        ]
        for row in table {
            var nearest = Nearest()
            _ = Self.chosen(&nearest, Self.nodes(row.first))
            #expect(nearest.home == "a")
            _ = Self.chosen(&nearest, Self.nodes(row.then))
            #expect(nearest.home == row.home, "\(row)")
        }
    }

    @Test func `A home that comes back is not run back to`() {
        var nearest = Nearest()
        let story: [([Double], String)] = [
            ([10, 11], "a"), ([-10, 11], "b"), ([10, 11], "b"), ([8, 11], "a"),
        ]
        for (distances, home) in story {
            _ = Self.chosen(&nearest, Self.nodes(distances))
            #expect(nearest.home == home)
        }
    }

    @Test func `Home is known by its name when the list changes`() {
        var nearest = Nearest()
        var nodes = Self.nodes([10, 10.5, 30])
        _ = Self.chosen(&nearest, nodes)
        nodes.reverse()
        nodes[1].distance = .milliseconds(9)
        _ = Self.chosen(&nearest, nodes)
        #expect(nearest.home == "a")
    }

    @Test func `Never is a node over 50 ms taken while a live one is nearer`() {
        var random = Randomness(seed: 27)
        var nearest = Nearest()
        for _ in 0..<20_000 {
            let count = 1 + random.draw(below: 6)
            let nodes = Self.nodes(
                (0..<count).map { _ in
                    let distance = 5 + random.unit() * 115
                    return random.unit() < 0.2 ? -distance : distance
                }, pending: (0..<count).map { _ in random.draw(below: 20) })
            let live = nodes.filter(\.isLive)
            let choice = nearest.choose(among: nodes, random: &random)
            #expect((choice == nil) == live.isEmpty)
            guard let choice else { continue }
            #expect(nodes[choice].isLive)
            if nodes[choice].distance > .milliseconds(50) {
                #expect(live.allSatisfy { $0.distance >= nodes[choice].distance })
            }
        }
    }

    @Test func `Equal nodes end up with about equal work`() {
        var random = Randomness(seed: 6)
        var nearest = Nearest()
        var nodes = Self.nodes([10, 10, 10, 10])
        for _ in 0..<4000 {
            guard let choice = nearest.choose(among: nodes, random: &random) else { continue }
            nodes[choice].pending += 1
        }
        #expect(nodes.allSatisfy { abs($0.pending - 1000) <= 5 })
    }
}
