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
            guard let blueprint = world.hosts[shard.host].blueprint, var log = shard.log else {
                return nil
            }
            log.end(.node, at: .distantFuture)
            return (blueprint, log.bytes)
        }
    }

    private func fresh(
        _ blueprint: Blueprint, _ header: EventLog.Header,
        amend: (inout Policy) -> Void = { _ in }
    ) throws -> Node {
        let made = try blueprint.surroundings(
            header.place, seed: header.seed, now: header.start)
        var policy = made.policy
        amend(&policy)
        return Node(
            Surroundings(
                courses: made.courses, peers: made.peers, policy: policy, place: header.place,
                randomness: Randomness(seed: header.seed), now: header.start))
    }

    @Test(arguments: [1, 2, 5, 8] as [UInt64])
    func `A recorded log replays to identical effects`(_ seed: UInt64) throws {
        let logs = try logs(seed: seed)
        #expect(!logs.isEmpty)
        for (blueprint, bytes) in logs {
            var replay = try Replay(bytes)
            var node = try fresh(blueprint, replay.header)
            try replay.run(&node)
            #expect(replay.events > 400 && replay.end == .node && replay.leftOut == 0)
        }
    }

    @Test func `A node that was made otherwise is found by its log`() throws {
        let (blueprint, bytes) = try #require(try logs(seed: 1).first)
        var replay = try Replay(bytes)
        var header = replay.header
        header.seed += 1
        header.place = ShardPlace(0, of: header.place.count + 1)
        var node = try fresh(blueprint, header)
        #expect(throws: Fault.self) { try replay.run(&node) }
    }

    @Test func `A program that decides otherwise is found, and its first other decision is named`()
        throws
    {
        var found: [Fault] = []
        for (blueprint, bytes) in try logs(seed: 1) + logs(seed: 2) {
            var replay = try Replay(bytes)
            var node = try fresh(blueprint, replay.header) { $0.breaker.consecutiveFailures = 1 }
            do { try replay.run(&node) } catch { found.append(error) }
        }
        #expect(!found.isEmpty && found.allSatisfy { $0.code == .inner })
        for fault in found {
            #expect(fault.message.contains("effect ") && fault.message.contains("now it is"))
            #expect(fault.message.hasPrefix("event "))
        }
    }

    @Test func `A damaged log is refused, wherever the damage is`() throws {
        let (blueprint, bytes) = try #require(try logs(seed: 1).first)
        #expect(throws: Fault.self) { _ = try Replay(Array("something else".utf8)) }
        let early = stride(from: 16, to: min(bytes.count, 6_000), by: 97)
        let late = stride(from: bytes.count - 300, to: bytes.count, by: 7)
        for place in Array(early) + Array(late) {
            var damaged = bytes
            damaged[place] ^= 0x10
            #expect(!isSound(damaged, blueprint), "byte \(place) of \(bytes.count)")
        }
    }

    /// Whether a log replays to its end.
    private func isSound(_ bytes: [UInt8], _ blueprint: Blueprint) -> Bool {
        guard var replay = try? Replay(bytes),
            var node = try? fresh(blueprint, replay.header), (try? replay.run(&node)) != nil
        else { return false }
        return replay.end != nil && replay.leftOut == 0
    }

    @Test func `A log that was cut off is good up to its last whole record`() throws {
        let (blueprint, bytes) = try #require(try logs(seed: 1).first)
        var counts: Set<Int> = []
        for length in stride(from: bytes.count - 200, to: bytes.count, by: 13) {
            var replay = try Replay(Array(bytes[..<length]))
            var node = try fresh(blueprint, replay.header)
            try replay.run(&node)
            #expect(replay.end == nil)
            counts.insert(replay.events)
        }
        #expect(counts.count > 3)
    }
}
