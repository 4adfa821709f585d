import Ground
import Testing

@testable import Routing

@Suite struct ItineraryPropertyTests {
    @Test(arguments: UInt64(1)...200)
    func `Two seconds after any change the client is at the nearest node, within 20 %`(
        seed: UInt64
    ) {
        var random = Randomness(seed: seed)
        func away() -> RoamingWorld.Node { .away(5 + 115 * random.unit()) }
        var world = RoamingWorld((0..<5).map { _ in away() }, seed: seed)
        world.run(2)
        check(world, seed)
        for _ in 0..<20 {
            let node = Int(random.next() % 5)
            switch random.next() % 8 {
            case 0 where live(world).count > 1: world.set(node, .refuses)
            case 1 where live(world).count > 1: world.set(node, .silent)
            default: world.set(node, away())
            }
            // A node that was dead is asked again within six seconds.
            world.run(2 + 6 * Double(random.next() % 2))
            check(world, seed)
        }
    }

    /// Distances of the nodes that are well, as they are.
    private func live(_ world: RoamingWorld) -> [Int: Double] {
        world.nodes.compactMapValues { if case .away(let distance) = $0 { distance } else { nil } }
    }

    private func check(_ world: RoamingWorld, _ seed: UInt64) {
        // What the client cannot know yet, a dead node's return, is left out.
        let known = live(world).filter { world.itinerary.distance(to: $0.key) != nil }
        guard let nearest = known.values.min() else { return }
        guard let home = world.home, let distance = known[home] else {
            Issue.record("seed \(seed): no home, though a node is \(nearest) ms away")
            return
        }
        if distance > 50 {
            #expect(nearest >= distance - 0.001, "seed \(seed): far, and one is nearer")
        } else {
            #expect(distance - nearest <= max(distance / 5, 1) + 0.001, "seed \(seed)")
        }
    }
}
