import EventLoop
import Ground
import Telemetry

/// Adds up the numbers of all loops of a node for one scrape.
final class Scrape: Sendable {
    private let registry: Metrics
    private let context: NodeContext
    private let hosts: Hosts

    init(_ names: NodeMetrics, _ context: NodeContext, hosts: Hosts) {
        registry = names.registry
        self.context = context
        self.hosts = hosts
    }

    /// Gives the exposition to `completion` on the asking loop. With one loop, before this returns.
    func text(askedOn loop: Loop, _ completion: @escaping (Bytes) -> Void) {
        let (registry, context) = (registry, context)
        let (first, desk) = (hosts.list.first?.poster, hosts.desk)
        hosts.gather(on: loop) { host in
            // What the whole node shares is stated by one loop.
            guard first?.isOnLoop == true else {
                return host.metrics.collect(from: host, now: host.shard.time.now)
            }
            host.metrics.setNode(
                budget: context.budget, resident: Machine.residentBytes,
                receiptsLost: context.receipts.lost,
                certificateExpiry: context.certificates.expiry)
            host.metrics.setEngines(of: host.shard)
            if let spool = context.spool.link { host.metrics.set(spool) }
            var values = host.metrics.collect(from: host, now: host.shard.time.now)
            if let desk { values.merge(desk.onLoop.collect()) }
            return values
        } then: { (all: [MetricValues]) in
            var sum = MetricValues()
            for values in all { sum.merge(values) }
            completion(registry.exposition(sum))
        }
    }
}
