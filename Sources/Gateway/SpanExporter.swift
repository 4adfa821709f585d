import EventLoop
import Ground
import HTTP
import Logging
import Telemetry
import Topology

/// Sends the spans of all loops to an OpenTelemetry collector, in batches. A collector that is away
/// costs spans, which are counted, and never a frame. Confined to the first loop.
final class SpanExporter {
    /// How often spans are gathered: a trace is complete at the collector within two seconds.
    private static let period = Interval.seconds(1)
    /// How long a collector may take to answer.
    private static let patience = Interval.seconds(5)

    private let collector: TelemetryPlan.Collector
    private let context: NodeContext
    private let hosts: [LoopConfined<ShardHost>]
    private var complained = false

    /// `nil` when the topology names no collector.
    init?(_ context: NodeContext, hosts: [LoopConfined<ShardHost>]) {
        guard let collector = context.topology.telemetry.collector else { return nil }
        self.collector = collector
        self.context = context
        self.hosts = hosts
    }

    /// Gathers and sends from now on.
    func start(on loop: Loop) {
        loop.schedule(after: Self.period) { [self] in
            gather(loop)
            start(on: loop)
        }
    }

    private func gather(_ loop: Loop) {
        let own = LoopConfined(self, to: loop.poster)
        let target = LoopConfined(loop, to: loop.poster)
        for host in hosts {
            host.post { host in
                let spans = host.shard.tracer?.take() ?? []
                guard !spans.isEmpty else { return }
                own.post { $0.send(spans, on: target.onLoop) }
            }
        }
    }

    private func send(_ spans: [Span], on loop: Loop) {
        let body = OTLP.body(spans, node: context.names.name, version: Version.text)
        let post = HTTPPost(
            to: collector.endpoint, path: collector.path, contentType: OTLP.contentType,
            body: body, timeout: Self.patience, network: loop)
        post.send { [self] result in
            if case .failure(let fault) = result, !complained {
                complained = true
                context.log.warning("spans were not taken by \(collector.endpoint): \(fault)")
            }
        }
    }
}
