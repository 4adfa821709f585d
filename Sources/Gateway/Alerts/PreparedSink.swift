import Alerts
import Cryptography
import EventLoop
import Ground
import HTTP
import Node
import Storage
import Telemetry
import Topology

/// A sink of the topology with all that must be read from files before it can be used. Made off the
/// loops, turned into a channel on one.
struct PreparedSink: Sendable {
    private enum Kind: Sendable {
        case webhook(AlertSinkPlan.Webhook, TLSContext?)
        case broker(BrokerSettings)
    }

    /// Largest file of authorities: the machine's own has a fifth of that.
    private static let authorityLimit = 1 << 20

    let plan: AlertSinkPlan
    let series: AlertMetrics.Sink
    private let kind: Kind

    /// The sinks that this node's alerts name, by name. Blocks.
    ///
    /// - Parameter registry: where their numbers are to stand.
    /// - Throws: when a secret or the authorities of one of them cannot be read.
    static func all(
        of context: NodeContext, _ registry: Metrics
    ) throws(Fault) -> [PreparedSink] {
        let named = context.blueprint.tasks.flatMap { $0.plan.alert?.to ?? [] }
        let wanted = Set(named + context.topology.alerts.operators.to)
        var sinks: [PreparedSink] = []
        for plan in context.topology.alerts.sinks where wanted.contains(plan.name) {
            do throws(Fault) {
                sinks.append(try PreparedSink(plan, node: context.names.name, registry))
            } catch {
                throw Fault(
                    error.code, "\(plan.place): the sink '\(plan.name)' cannot be used",
                    remedy: error.remedy, cause: error)
            }
        }
        return sinks
    }

    private init(
        _ plan: AlertSinkPlan, node: String, _ registry: Metrics
    ) throws(Fault) {
        self.plan = plan
        series = try AlertMetrics.Sink(plan.name, registry)
        switch plan.kind {
        case .webhook(let hook):
            _ = try hook.token?.read()
            kind = .webhook(hook, try Self.context(of: hook))
        case .mqtt(let broker):
            kind = .broker(try Self.settings(broker, client: "canopy-\(node)-\(plan.name)"))
        }
    }

    private static func context(of hook: AlertSinkPlan.Webhook) throws(Fault) -> TLSContext? {
        guard hook.url.tls else { return nil }
        var trust = TLSSettings.Trust.system
        if let path = hook.authority {
            trust = .authorities(try FileDisk().read(path, limit: authorityLimit))
        }
        return try TLSContext(.client(nil, trust: trust, applicationProtocols: ["http/1.1"]))
    }

    private static func settings(
        _ broker: AlertSinkPlan.Broker, client: String
    ) throws(Fault) -> BrokerSettings {
        var settings = BrokerSettings(
            broker.url.endpoint, tls: broker.url.tls, client: client, topic: broker.topic)
        if let path = broker.authority {
            // libmosquitto reads it itself, later; a missing one should be known now.
            _ = try FileDisk().read(path, limit: authorityLimit)
            settings.authority = path
        }
        settings.user = broker.user
        if let password = broker.password {
            _ = try password.read()
            settings.password = { () throws(Fault) in try password.read() }
        }
        return settings
    }

    /// The channel to this sink, not opened yet.
    func channel(on loop: Loop, hear: @escaping (Channel.News) -> Void) -> Channel {
        let sink: any AlertSink
        switch kind {
        case .webhook(let hook, let tls): sink = Self.webhook(hook, tls, on: loop)
        case .broker(let settings):
            let poster = loop.poster
            sink = Broker(settings, on: loop, seed: SecureRandom.word()) { poster.post($0) }
        }
        return Channel(
            plan.name, to: sink, queue: plan.queue, on: loop, seed: SecureRandom.word(), hear: hear)
    }

    private static func webhook(
        _ hook: AlertSinkPlan.Webhook, _ tls: TLSContext?, on loop: Loop
    ) -> Webhook {
        let host = hook.url.endpoint.host
        var read: Webhook.ReadSecret?
        if let token = hook.token {
            read = { completion in
                do throws(Fault) {
                    try loop.offLoop(
                        { Result { () throws(Fault) in try token.read() } }, completion: completion)
                } catch {
                    completion(.failure(error))
                }
            }
        }
        return Webhook(
            hook.url.endpoint, path: hook.url.path, on: loop,
            secure: { () throws(Fault) in
                guard let tls else { return nil }
                return try TLSSession(context: tls, expecting: .host(host))
            }, readToken: read)
    }
}
