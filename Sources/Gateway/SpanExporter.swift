import Cryptography
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
    private var isFailing = false
    /// Made once, before the loop runs: the machine's authorities are read from files. `nil` where
    /// the collector is spoken to in plain text.
    private let tls: Result<TLSContext, Fault>?

    /// `nil` when the topology names no collector.
    init?(_ context: NodeContext, hosts: [LoopConfined<ShardHost>]) {
        guard let collector = context.topology.telemetry.collector else { return nil }
        self.collector = collector
        self.context = context
        self.hosts = hosts
        tls =
            collector.tls
            ? Result { () throws(Fault) in
                try TLSContext(.client(nil, trust: .system, applicationProtocols: ["http/1.1"]))
            } : nil
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
        var request = OneRequest(
            path: collector.path, headers: [("content-type", OTLP.contentType)],
            body: OTLP.body(spans, node: context.names.name, version: Version.text))
        request.timeout = Self.patience
        do throws(Fault) {
            let session = try session()
            request.send(to: collector.endpoint, on: loop, secure: session) { [self] in
                answered($0)
            }
        } catch {
            answered(.failure(error))
        }
    }

    private func session() throws(Fault) -> TLSSession? {
        guard let tls else { return nil }
        return try TLSSession(context: tls.get(), expecting: .host(collector.endpoint.host))
    }

    /// Logs the first failure of a row, and the end of the row.
    private func answered(_ result: Result<HTTPAnswer, Fault>) {
        switch result {
        case .success(let answer) where answer.status < 300:
            if isFailing { context.log.info("spans are taken again by \(collector.endpoint)") }
            isFailing = false
        case .success(let answer): complain("it answered \(answer.status)")
        case .failure(let fault): complain("\(fault)")
        }
    }

    private func complain(_ why: String) {
        guard !isFailing else { return }
        isFailing = true
        context.log.warning("spans are not taken by \(collector.endpoint): \(why)")
    }
}
