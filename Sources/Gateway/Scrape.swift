import EventLoop
import Ground
import Synchronization
import Telemetry

/// Adds up the numbers of all loops of a node for one scrape.
final class Scrape: Sendable {
    private let names: NodeMetrics
    private let context: NodeContext
    private let hosts: Mutex<[LoopConfined<ShardHost>]> = Mutex([])

    init(_ names: NodeMetrics, _ context: NodeContext) {
        self.names = names
        self.context = context
    }

    /// The shards to ask, once all of them stand.
    func setHosts(_ hosts: [LoopConfined<ShardHost>]) { self.hosts.withLock { $0 = hosts } }

    /// Gives the exposition to `completion` on the asking loop. With one loop, before this returns.
    func text(askedOn loop: Loop, _ completion: @escaping (Bytes) -> Void) {
        let hosts = hosts.withLock { $0 }
        let sum = LoopConfined(Sum(hosts.count, names.registry, completion), to: loop.poster)
        for (index, host) in hosts.enumerated() {
            let context = context
            let ask = { @Sendable (host: ShardHost) -> MetricValues in
                if index == 0 {
                    host.metrics.setNode(
                        budgetUsed: context.budget.used, resident: Machine.residentBytes,
                        receiptsLost: context.receipts.lost,
                        certificateExpiry: context.certificates.expiry)
                    host.metrics.setEngines(of: host.shard)
                }
                return host.metrics.collect(from: host, now: host.shard.time.now)
            }
            if host.poster.isOnLoop {
                sum.onLoop.add(ask(host.onLoop))
            } else if !host.post({ host in
                let values = ask(host)
                sum.post { $0.add(values) }
            }) {
                sum.onLoop.add(MetricValues())
            }
        }
    }

    private final class Sum {
        private var left: Int
        private var values = MetricValues()
        private let registry: Metrics
        private let completion: (Bytes) -> Void

        init(_ count: Int, _ registry: Metrics, _ completion: @escaping (Bytes) -> Void) {
            left = count
            self.registry = registry
            self.completion = completion
        }

        func add(_ more: MetricValues) {
            values.merge(more)
            left -= 1
            if left == 0 { completion(registry.exposition(values)) }
        }
    }
}
