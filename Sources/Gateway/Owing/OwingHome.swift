import Cryptography
import EventLoop
import Ground
import HTTP
import Node
import Spool
import Synchronization
import Topology
import Wire

/// A node's spool and its uploads, on a thread of their own.
final class OwingHome: Sendable {
    let link: SpoolLink
    private let thread: LoopThread
    private let inside: LoopConfined<Inside>

    /// What lives on the thread.
    private final class Inside {
        let desk: SpoolDesk
        let uploader: Uploader?

        init(_ desk: SpoolDesk, _ uploader: Uploader?) {
            self.desk = desk
            self.uploader = uploader
        }
    }

    private struct Made: Sendable {
        var link: SpoolLink
        var inside: LoopConfined<Inside>
    }

    /// Opens the node's spool; `nil` where it keeps nothing. A node without a node above keeps the
    /// alerts that its sinks have not taken, and nothing else.
    ///
    /// - Parameter status: what the node says of itself, from any thread.
    init?(_ context: NodeContext, hosts: Hosts, _ status: OwingStatus) throws(Fault) {
        let hub = context.blueprint.hub
        let hasSinks = !context.topology.alerts.sinks.isEmpty
        guard context.blueprint.node.budget.spool != nil, hub != nil || hasSinks else { return nil }
        let made = Handover<Made>()
        thread = try LoopThread(name: "canopy-spool") { (loop) throws(Fault) in
            let desk = try SpoolDesk(context, on: loop) { SecureRandom.word() }
            let uploader = hub.map { hub in
                Uploader(
                    desk, context, to: hub.name, pool: Self.pool(to: hub, context, on: loop)
                ) { status.report(desk, on: loop) }
            }
            let link = SpoolLink(
                LoopConfined(desk, to: loop.poster), Self.numbers(desk, uploader))
            Self.join(desk, uploader, link, hosts, status)
            let inside = LoopConfined(Inside(desk, uploader), to: loop.poster)
            made.value.withLock { $0 = Made(link: link, inside: inside) }
            uploader?.start()
        }
        guard let all = made.value.withLock({ $0 }) else {
            throw Fault(.inner, "the spool's thread did not begin")
        }
        link = all.link
        inside = all.inside
    }

    private static func join(
        _ desk: SpoolDesk, _ uploader: Uploader?, _ link: SpoolLink, _ hosts: Hosts,
        _ status: OwingStatus
    ) {
        desk.publish = { [unowned desk, weak uploader, weak link] in
            link?.publish(numbers(desk, uploader))
        }
        guard let uploader else { return }
        desk.committed = { [unowned uploader] in uploader.committed() }
        uploader.isBusy = { status.isBusy }
        uploader.settled = { receipt, response in
            hosts.each { $0.shard.settled(receipt, response) }
        }
    }

    private static func numbers(_ desk: SpoolDesk, _ uploader: Uploader?) -> SpoolNumbers {
        SpoolNumbers(
            epoch: desk.spool.epoch, depths: desk.depths, held: desk.spool.held,
            awaySince: uploader?.awaySince, uploads: uploader?.numbers ?? SpoolNumbers.Uploads())
    }

    private static func pool(
        to hub: NodePlan, _ context: NodeContext, on loop: Loop
    ) -> ClientPool {
        var limits = context.clientLimits
        // One batch at a time; and a node that is back is found within seconds.
        limits.connections = 1
        limits.backoffMost = Uploading.retry
        let (certificates, poster) = (context.certificates, loop.poster)
        return ClientPool(
            hub.address ?? Endpoint(host: "127.0.0.1", port: 0), limits: limits,
            allocator: context.budget, network: loop,
            hooks: LoopHooks(
                endOfTurn: { [unowned loop] in loop.atEndOfTurn($0) },
                post: { poster.post($0) }), seed: SecureRandom.word(),
            secure: hub.dialledByTLS
                ? { () throws(Fault) in
                    try TLSSession(context: certificates.client(), expecting: .node(hub.name))
                } : nil)
    }

    /// Writes down what waits and ends the thread. Blocks until it has.
    func end() {
        inside.post { inside in
            inside.uploader?.stop()
            inside.desk.close()
        }
        thread.stop()
        thread.join()
    }
}

/// What a node's loops tell its spool of the node. From any thread.
final class OwingStatus: Sendable {
    private let context: NodeContext
    private let began: Instant
    private let waiting: [Atomic64]
    private let ready: [Atomic64]

    /// A number that one loop writes.
    private final class Atomic64: Sendable {
        let value = Atomic<Int>(0)
    }

    init(_ context: NodeContext, now: Instant) {
        self.context = context
        began = now
        waiting = (0..<context.loops).map { _ in Atomic64() }
        ready = (0..<context.loops).map { _ in Atomic64() }
    }

    /// Notes what a loop sees, every tick.
    func note(loop: Int, waiting count: Int, isReady: Bool) {
        waiting[loop].value.store(count, ordering: .relaxed)
        ready[loop].value.store(isReady ? 1 : 0, ordering: .relaxed)
    }

    /// Whether realtime frames wait for a worker on any loop.
    var isBusy: Bool { waiting.contains { $0.value.load(ordering: .relaxed) > 0 } }

    /// The report with which a node comes back.
    func report(_ desk: SpoolDesk, on loop: Loop) -> NodeReport {
        var report = NodeReport()
        report.site = context.blueprint.node.site ?? ""
        report.node = context.names.name
        report.epoch = desk.spool.epoch
        report.version = Version.text
        report.at = loop.time.wall
        report.uptime = loop.time.now - began
        report.ready = ready.allSatisfy { $0.value.load(ordering: .relaxed) > 0 }
        report.incidents = context.incidents.untold(now: report.at)
        report.depths = desk.depths
        report.topology = context.digest.map { String($0.description.dropFirst(7)) } ?? ""
        return report
    }
}
