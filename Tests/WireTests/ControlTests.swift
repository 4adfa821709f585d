import Ground
import Testing

@testable import Wire

@Suite struct ControlTests {
    private var status: NodeStatus {
        var status = NodeStatus()
        (status.node, status.tier, status.site, status.version) = ("leaf", "leaf", "mill", "1.2.3")
        (status.uptime, status.loops, status.frames) = (.seconds(86_400), 2, 7)
        (status.draining, status.ready) = (true, true)
        status.configuration.topology = String(repeating: "a", count: 64)
        (status.configuration.accepted, status.configuration.refused) = (3, 1)
        status.configuration.refusal = "t.yaml:3:1: no"
        (status.memory.requests, status.memory.requestLimit) = (1 << 20, 1 << 40)
        status.memory.resident = 90 << 20
        status.tasks = [task, TaskStatus()]
        status.peers = [peer, PeerStatus()]
        var batch = ClassStatus()
        (batch.name, batch.share, batch.held, batch.shed) = ("batch", 15, 2, 40)
        status.classes = [batch]
        status.counts = [NamedCount("canopy_frames_total", 12)]
        return status
    }

    private var task: TaskStatus {
        var task = TaskStatus()
        (task.name, task.offline, task.mode) = ("digits", "fail-closed", "wait")
        (task.payload, task.deadline) = ("local-only", .milliseconds(500))
        (task.model, task.fault, task.bundle) = ("failed", "no such file", "sha256:1")
        (task.bar, task.waiting, task.ready) = (0.875, 4, true)
        var tier = TaskStatus.Tier()
        (tier.tier, tier.model, tier.accept) = ("leaf", "sha256:1", "risk 1% at 95%")
        task.tiers = [tier]
        return task
    }

    private var peer: PeerStatus {
        var peer = PeerStatus()
        (peer.name, peer.tier, peer.address) = ("region", "regional", "region.example:8443")
        (peer.level, peer.breaker, peer.open, peer.openLoops) = ("next", "open", .seconds(2), 1)
        (peer.override, peer.overrideLeft) = ("closed", .seconds(600))
        (peer.roundTrip, peer.pending, peer.calls) = (.microseconds(420), 3, 99)
        (peer.draining, peer.ejected) = (true, true)
        return peer
    }

    @Test func `A node's status reads as it was written`() throws {
        #expect(try again(status) == status)
        #expect(try again(NodeStatus()) == NodeStatus())
    }

    @Test func `A round trip that was measured is never one that was not`() throws {
        var near = NodeStatus()
        near.peers = [PeerStatus()]
        near.peers[0].roundTrip = .nanoseconds(300)
        #expect(try again(near).peers[0].roundTrip == .microseconds(1))
    }

    @Test func `What operators say and hear reads as it was written`() throws {
        #expect(try again(EmptyRequest()) == EmptyRequest())
        let order = BreakerOverride(peer: "region", state: "open", duration: .seconds(600))
        #expect(try again(order) == order)
        let reply = BreakerOverrideReply(node: "leaf", peer: "region", state: "open")
        #expect(try again(reply) == reply)
        var drain = DrainReply()
        (drain.node, drain.draining, drain.changed, drain.frames) = ("leaf", true, true, 4)
        #expect(try again(drain) == drain)
        var reload = ReloadReply()
        (reload.node, reload.outcome, reload.topology) = ("leaf", "refused", "ab")
        reload.lines = ["t.yaml:1:1: no", "t.yaml:2:1: no"]
        #expect(try again(reload) == reload)
    }

    @Test func `Receipts are asked for and told as they were written`() throws {
        let query = ReceiptsQuery(receipt: "8f", state: .failed, before: 7, limit: 9)
        #expect(try again(query) == query)
        #expect(throws: Fault.self) { try ReceiptsQuery.decode(Bytes([0x12, 1, 0x78])) }
        var one = ReceiptStatus()
        (one.receipt, one.state, one.task, one.request) = ("8f", .settled, "digits", "q")
        (one.promisedAt, one.endedAt) = (WallTime(nanoseconds: 5), WallTime(nanoseconds: 6))
        (one.label, one.tier, one.answeredBy, one.confidence) = ("7", "regional", "region", 0)
        var other = ReceiptStatus()
        (other.state, other.error) = (.failed, "dropped")
        var page = ReceiptsPage()
        (page.node, page.receipts, page.next) = ("leaf", [one, other, ReceiptStatus()], 3)
        (page.open, page.settled, page.failed) = (1, 2, 3)
        #expect(try again(page) == page)
    }

    @Test func `A status with fields of a later version is read without them`() throws {
        // Field 100, a number.
        let newer = joined(status.encode()) + [0xA0, 0x06, 1]
        #expect(try NodeStatus.decode(Bytes(newer)) == status)
    }

    @Test func `A time that no clock can count is the longest one`() throws {
        // 2⁶⁴ − 1 microseconds.
        let bytes = [0x28] + Array(repeating: UInt8(0xFF), count: 9) + [1]
        #expect(try NodeStatus.decode(Bytes(bytes)).uptime == Interval(nanoseconds: .max))
    }
}
