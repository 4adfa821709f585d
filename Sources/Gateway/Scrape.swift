import EventLoop
import Ground
import Synchronization
import Telemetry

/// Adds up the numbers of all loops of a node for one scrape.
final class Scrape: Sendable {
    private let registry: Metrics
    private let context: NodeContext
    private let hosts: Hosts
    private let desk: Mutex<LoopConfined<AlertDesk>?> = Mutex(nil)

    init(_ names: NodeMetrics, _ context: NodeContext, hosts: Hosts) {
        registry = names.registry
        self.context = context
        self.hosts = hosts
    }

    /// Takes the desk on the first of the loops; `nil` when the node ends.
    func set(desk: LoopConfined<AlertDesk>?) { self.desk.withLock { $0 = desk } }

    /// Gives the exposition to `completion` on the asking loop. With one loop, before this returns.
    func text(askedOn loop: Loop, _ completion: @escaping (Bytes) -> Void) {
        let (registry, context) = (registry, context)
        let first = hosts.list.first?.poster
        let desk = desk.withLock { $0 }
        hosts.gather(on: loop) { host in
            // What the whole node shares is stated by one loop.
            let isFirst = first?.isOnLoop == true
            if isFirst {
                host.metrics.setNode(
                    budgetUsed: context.budget.used, resident: Machine.residentBytes,
                    receiptsLost: context.receipts.lost,
                    certificateExpiry: context.certificates.expiry)
            }
            var values = host.metrics.collect(from: host, now: host.shard.time.now)
            if isFirst, let desk { values.merge(desk.onLoop.collect()) }
            return values
        } then: { (all: [MetricValues]) in
            var sum = MetricValues()
            for values in all { sum.merge(values) }
            completion(registry.exposition(sum))
        }
    }
}
