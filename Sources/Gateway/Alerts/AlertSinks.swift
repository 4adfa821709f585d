import Alerts
import Cryptography
import EventLoop
import Ground
import HTTP
import Storage
import Topology

/// Makes the channels that a topology names.
enum AlertSinks {
    /// Largest file of authorities: the machine's own has a fifth of that.
    private static let authorityLimit = 1 << 20

    /// - Throws: when the sink's secret or authorities cannot be read.
    static func channel(
        _ plan: AlertSinkPlan, of context: NodeContext, on loop: Loop,
        hear: @escaping (Channel.News) -> Void
    ) throws(Fault) -> Channel {
        let sink: any AlertSink
        do throws(Fault) {
            switch plan.kind {
            case .webhook(let hook): sink = try webhook(hook, on: loop)
            case .mqtt(let settings): sink = try broker(settings, plan, context, on: loop)
            }
        } catch {
            throw Fault(
                error.code, "\(plan.place): the sink '\(plan.name)' cannot be used",
                remedy: error.remedy, cause: error)
        }
        return Channel(
            plan.name, to: sink, queue: plan.queue, on: loop, seed: SecureRandom.word(), hear: hear)
    }

    private static func webhook(
        _ plan: AlertSinkPlan.Webhook, on loop: Loop
    ) throws(Fault) -> Webhook {
        var secure: () throws(Fault) -> (any SecureSession)? = { () throws(Fault) in nil }
        if plan.url.tls {
            var trust = TLSSettings.Trust.system
            if let path = plan.authority {
                trust = .authorities(try FileDisk().read(path, limit: authorityLimit))
            }
            let tls = try TLSContext(
                .client(nil, trust: trust, applicationProtocols: ["http/1.1"]))
            let host = plan.url.endpoint.host
            secure = { () throws(Fault) in try TLSSession(context: tls, expecting: .host(host)) }
        }
        var read: Webhook.ReadSecret?
        if let token = plan.token {
            _ = try token.read()
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
            plan.url.endpoint, path: plan.url.path, on: loop, secure: secure, readToken: read)
    }

    private static func broker(
        _ plan: AlertSinkPlan.Broker, _ sink: AlertSinkPlan, _ context: NodeContext, on loop: Loop
    ) throws(Fault) -> Broker {
        var settings = BrokerSettings(
            plan.url.endpoint, tls: plan.url.tls,
            client: "canopy-\(context.names.name)-\(sink.name)", topic: plan.topic)
        if let path = plan.authority {
            // libmosquitto reads it itself, later; a missing one should be known now.
            _ = try FileDisk().read(path, limit: authorityLimit)
            settings.authority = path
        }
        settings.user = plan.user
        if let password = plan.password {
            _ = try password.read()
            settings.password = { () throws(Fault) in try password.read() }
        }
        let poster = loop.poster
        return Broker(settings, on: loop, seed: SecureRandom.word()) { poster.post($0) }
    }
}
