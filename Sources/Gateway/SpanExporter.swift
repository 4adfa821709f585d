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
    /// Kept from one second to the next. A batch whose answer is lost with it is sent again, as
    /// OTLP allows.
    private var way: KeptConnection?
    /// One batch is under way, and these came meanwhile. Loops keep their spans till it is
    /// answered.
    private var isSending = false
    private var waiting: [Span] = []
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
        guard !isSending else { return }
        let own = LoopConfined(self, to: loop.poster)
        let target = LoopConfined(loop, to: loop.poster)
        for host in hosts {
            host.post { host in
                let spans = host.shard.tracer?.take() ?? []
                guard !spans.isEmpty else { return }
                own.post {
                    $0.waiting += spans
                    $0.sendNext(on: target.onLoop)
                }
            }
        }
    }

    private func sendNext(on loop: Loop) {
        guard !isSending, !waiting.isEmpty else { return }
        let spans = waiting
        waiting = []
        isSending = true
        var request = OneRequest(
            path: collector.path, headers: [("content-type", OTLP.contentType)],
            body: OTLP.body(spans, node: context.names.name, version: Version.text))
        request.timeout = Self.patience
        let way =
            way
            ?? KeptConnection(to: collector.endpoint, on: loop) {
                [unowned self] () throws(Fault) in try session()
            }
        self.way = way
        do throws(Fault) {
            try way.send(request) { [self, unowned loop] in
                answered($0)
                sendNext(on: loop)
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
        isSending = false
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
