import EventLoop
import Ground
import Node
import Routing
import Testing
import Topology

@testable import Gateway

/// What one loop knows of a node, and the others hear.
@Suite("Loops of one node", .timeLimit(.minutes(1)))
struct ShardPostTests {
    private func onHost<Value: Sendable>(
        _ host: LoopConfined<ShardHost>, _ body: @escaping @Sendable (ShardHost) -> Value
    ) async -> Value {
        await withCheckedContinuation { continuation in
            host.post { continuation.resume(returning: body($0)) }
        }
    }

    @Test(arguments: 0...2)
    func `What one loop hears of a peer is known to all loops`(_ first: Int) async throws {
        let node = try TestGateway(Fleet.text(), loops: 3)
        defer { node.stop() }
        for isDraining in [true, false] {
            _ = await onHost(node.hosts[first]) {
                $0.shard.hear(.peerDraining(peer: 0, isDraining))
            }
            for host in node.hosts {
                while await onHost(host, { $0.shard.knownPeers[0].isDraining }) != isDraining {
                    await Task.yield()
                }
            }
        }
    }

    @Test func `A tenant has the same number on all loops`() {
        let all = SourceNumbers()
        var (one, other) = (SourceTable(all), SourceTable(all))
        let tenants = ["a", "b", "c"].map { Tenant(name: $0, isNode: false) }
        #expect(tenants.map { one.number(of: $0).number } == [1, 2, 3])
        #expect(tenants.reversed().map { other.number(of: $0).number } == [3, 2, 1])
        #expect(one.number(of: tenants[0]) == (1, false))
        #expect(other.number(of: nil) == (0, false))
        #expect(one.known.map(\.number) == [1, 2, 3])
    }
}
