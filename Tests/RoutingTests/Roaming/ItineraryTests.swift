import Ground
import Testing

@testable import Routing

@Suite struct ItineraryTests {
    typealias Node = RoamingWorld.Node

    static let firstChoices: [(nodes: [Node], home: Int?)] = [
        ([.away(40), .away(5), .away(120), .away(25), .away(80)], 1),
        ([.away(120), .away(80), .away(60)], 2),
        ([.away(60), .away(51), .away(49)], 2),
        ([.refuses, .away(30), .silent], 1),
        ([.silent, .away(120)], 1),
        ([.draining(5), .away(30)], 1),
        ([.away(8)], 0),
        ([.refuses, .silent, .draining(3)], nil),
        ([], nil),
    ]

    @Test func `The nearest node that serves is chosen, and no other before it`() {
        for row in Self.firstChoices {
            var world = RoamingWorld(row.nodes)
            world.run(2)
            #expect(world.home == row.home, "\(row)")
            #expect(world.moves.count == (row.home == nil ? 0 : 1), "\(row)")
        }
    }

    @Test func `One node that is slow to answer does not keep the others from being chosen`() {
        var world = RoamingWorld([.away(10), .silent])
        world.run(0.26)
        #expect(world.home == 0)
    }

    @Test func `A node whose link breaks is left at once`() {
        var world = RoamingWorld([.away(5), .away(20), .away(90)])
        world.run(3)
        world.set(0, .refuses)
        #expect(world.home == 1 && world.moves.last?.reason == .lost)
        world.run(5)
        #expect(world.home == 1 && world.givenUp.isEmpty)
    }

    @Test func `A silent node is left within two seconds, and what it had is given up`() {
        for start in 0..<10 {
            var world = RoamingWorld([.away(5), .away(20)])
            world.run(3 + Double(start) * 0.05)
            world.set(0, .silent)
            world.run(2)
            #expect(world.home == 1 && world.givenUp == [0])
        }
    }

    @Test func `A node that drains is left, and answers what it has`() {
        var world = RoamingWorld([.away(5), .away(20)])
        world.run(3)
        world.set(0, .draining(5))
        world.run(0.6)
        #expect(world.home == 1 && world.givenUp.isEmpty)
        world.set(0, .away(5))
        world.run(1)
        #expect(world.home == 0 && world.moves.last?.reason == .nearer)
    }

    static let changes: [(nodes: [Node], change: (Int, Node), home: Int)] = [
        // Home gets farther, another gets nearer.
        ([.away(5), .away(25)], (0, .away(40)), 1),
        ([.away(5), .away(25)], (0, .away(120)), 1),
        ([.away(25), .away(120)], (1, .away(5)), 1),
        ([.away(60), .away(90)], (1, .away(50)), 1),
        // Less than 20 % is no reason to move.
        ([.away(20), .away(40)], (1, .away(17)), 0),
        ([.away(20), .away(21)], (0, .away(25)), 0),
        ([.away(0.2), .away(0.9)], (0, .away(1.1)), 0),
        // Past 50 ms anything nearer is one.
        ([.away(45), .away(49)], (0, .away(55)), 1),
        ([.away(55), .away(58)], (1, .away(54)), 1),
    ]

    @Test func `A change of distance is followed within two seconds, beyond 20 %`() {
        for row in Self.changes {
            for phase in 0..<10 {
                var world = RoamingWorld(row.nodes)
                world.run(3 + Double(phase) * 0.05)
                #expect(world.home == 0, "\(row)")
                world.set(row.change.0, row.change.1)
                world.run(2)
                #expect(world.home == row.home, "\(row), phase \(phase)")
            }
        }
    }

    @Test func `One or two slow answers move nobody`() {
        var world = RoamingWorld([.away(5), .away(25)])
        world.run(3)
        for _ in 0..<20 {
            world.set(0, .away(200))
            world.run(1)
            world.set(0, .away(5))
            world.run(0.5)
        }
        #expect(world.home == 0 && world.moves.count == 1)
    }

    @Test func `A link that is slow because it carries frames is not taken for dead`() {
        var world = RoamingWorld([.away(5)])
        world.run(3)
        world.set(0, .silent)
        for _ in 0..<60 {
            world.run(0.05)
            world.on(.answered(0))
        }
        #expect(world.home == 0 && world.givenUp.isEmpty)
        world.run(2.5)
        #expect(world.home == nil && world.givenUp == [0])
    }

    @Test func `A client that slept does not take its node for dead`() {
        var world = RoamingWorld([.away(5), .away(20)])
        world.run(3)
        world.set(0, .silent)
        world.run(0.6)
        world.set(0, .away(5))
        world.sleep(10)
        world.run(2)
        #expect(world.home == 0 && world.moves.count == 1)
    }

    @Test func `When all are gone there is nowhere to go, until one is back`() {
        var world = RoamingWorld([.away(5), .away(20)])
        world.run(3)
        world.set(0, .refuses)
        world.set(1, .refuses)
        #expect(world.home == nil)
        world.run(20)
        let asked = world.probes[1, default: 0]
        world.set(1, .away(20))
        world.run(7)
        #expect(world.home == 1 && world.moves.last?.reason == .found)
        #expect(asked <= 20, "a dead node is asked less and less")
    }

    @Test func `Frames that time out open the breaker, though probes are answered`() {
        var world = RoamingWorld([.away(5), .away(20)])
        world.run(3)
        for _ in 0..<5 { world.on(.timedOut(0)) }
        #expect(world.home == 1 && world.givenUp == [0])
    }

    @Test func `A node that has too much to do is left for another, and found again later`() {
        var world = RoamingWorld([.away(5), .away(20)])
        world.run(3)
        world.on(.overloaded(0))
        #expect(world.home == 0, "one refusal doubles its distance, and 20 ms are still more")
        for _ in 0..<3 { world.on(.overloaded(0)) }
        #expect(world.home == 1 && world.givenUp.isEmpty)
        #expect(world.itinerary.distance(to: 0) == .milliseconds(5))
        world.run(30)
        #expect(world.home == 0)
        var alone = RoamingWorld([.away(5)])
        alone.run(3)
        for _ in 0..<20 { alone.on(.overloaded(0)) }
        #expect(alone.home == 0)
    }

    @Test func `A node that says unavailable is asked at once whether it serves`() {
        var world = RoamingWorld([.away(5), .away(20)])
        world.run(3.1)
        world.set(0, .draining(5))
        world.on(.unavailable(0))
        world.run(0.02)
        #expect(world.home == 1)
    }

    @Test func `Candidates that come are measured, and those that go are left`() {
        var world = RoamingWorld([.away(30), .away(5)])
        world.on(.candidates([0]))
        world.run(2)
        #expect(world.home == 0 && world.itinerary.distance(to: 1) == nil)
        world.on(.candidates([0, 1]))
        world.run(1)
        #expect(world.home == 1)
        world.on(.candidates([0]))
        #expect(world.home == 0)
        world.on(.candidates(Array(0..<100)))
        world.run(5)
        #expect(world.probes.count == Itinerary.mostCandidates, "others are not asked")
    }
}
