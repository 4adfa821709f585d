import Ground
import Node
import Routing
import Testing
import Topology

@testable import Simulation

@Suite struct ReplayTests {
    /// Every shard's log of an eventful world, with the blueprint of its node.
    private func logs(seed: UInt64) throws -> [(Blueprint, [UInt8])] {
        var size = RandomWorld.Size()
        (size.leaves, size.frames, size.duration) = (4, 1_500, .seconds(120))
        let (topology, scenario) = try RandomWorld(seed: seed, size: size).read()
        var settings = WorldSettings()
        settings.keepsLogs = true
        var world = try World(topology, scenario, seed: seed, settings)
        world.run(until: UInt64(scenario.duration.nanoseconds))
        #expect(world.violation == nil)
        return world.shards.compactMap { shard in
            guard let blueprint = world.hosts[shard.host].blueprint, let log = shard.log else {
                return nil
            }
            return (blueprint, log.bytes)
        }
    }

    private func fresh(_ blueprint: Blueprint, _ header: EventLog.Header) throws -> Node {
        Node(
            try blueprint.surroundings(header.place, seed: header.seed, now: header.start))
    }

    @Test(arguments: [1, 2, 5, 8] as [UInt64])
    func `A recorded log replays to identical effects`(_ seed: UInt64) throws {
        let logs = try logs(seed: seed)
        #expect(!logs.isEmpty)
        for (blueprint, bytes) in logs {
            var replay = try Replay(bytes)
            var node = try fresh(blueprint, replay.header)
            try replay.run(&node)
            #expect(replay.count > 400)
        }
    }

    @Test func `A node that decides otherwise is found by its log`() throws {
        let (blueprint, bytes) = try #require(try logs(seed: 1).first)
        var replay = try Replay(bytes)
        var header = replay.header
        header.seed += 1
        header.place = ShardPlace(0, of: header.place.count + 1)
        var node = try fresh(blueprint, header)
        #expect(throws: Fault.self) { try replay.run(&node) }
    }

    @Test func `A damaged log is refused, wherever the damage is`() throws {
        let (blueprint, bytes) = try #require(try logs(seed: 1).first)
        #expect(throws: Fault.self) { _ = try Replay(Array("something else".utf8)) }
        for place in stride(from: 60, to: min(bytes.count, 6_000), by: 97) {
            var damaged = bytes
            damaged[place] ^= 0x10
            #expect(throws: Fault.self, "\(place): \(bytes[(place - 12)...(place + 3)])") {
                var replay = try Replay(damaged)
                var node = try fresh(blueprint, replay.header)
                try replay.run(&node)
            }
        }
    }
}
