import Alerts
import Cryptography
import EventLoop
import Ground
import Logging
import Node
import Telemetry
import Topology

/// Where all alerts of a node come together, from every loop, and go out to its sinks. Confined to
/// the first loop.
final class AlertDesk {
    /// How long a node that ends waits for its sinks to take what they are owed: a healthy one
    /// needs milliseconds, and one that is away must not hold a restart up.
    static let farewellPatience = Interval.seconds(2)

    /// Who is told of something.
    private struct Route {
        var isLogged: Bool
        /// Indexes of channels.
        var channels: [Int]
    }

    private let loop: Loop
    private let log: Logger
    private let origin: AlertOrigin
    private let metrics: AlertMetrics
    private var channels: [Channel] = []
    private let taskRoutes: [Route]
    private let operatorRoute: Route
    private var ids: AlertIDs
    private var conditions: Conditions
    /// The ids under which conditions were raised that are not cleared.
    private var raised: [Conditions.Key: String] = [:]
    private var timer: (any ScheduledTimer)?

    /// Makes the desk and its channels; nothing is opened yet.
    ///
    /// - Throws: when a sink's secret or authority cannot be read.
    init(_ context: NodeContext, on loop: Loop, metrics: AlertMetrics) throws(Fault) {
        let plan = context.topology.alerts
        let sinks = Self.sinks(of: context)
        self.loop = loop
        self.metrics = metrics
        log = context.log
        origin = AlertOrigin(
            node: context.names.name, tier: context.names.tier, site: context.blueprint.node.site)
        ids = AlertIDs(node: context.names.name, boot: SecureRandom.word())
        conditions = Conditions(
            Hysteresis.Rule(
                hold: plan.operators.hold, repeats: plan.operators.repeats,
                quiet: plan.operators.quiet))
        func route(_ names: [String]) -> Route {
            Route(
                isLogged: names.contains(AlertsPlan.log),
                channels: sinks.indices.filter { names.contains(sinks[$0].name) })
        }
        taskRoutes = context.blueprint.tasks.map { route($0.plan.alert?.to ?? []) }
        operatorRoute = route(plan.operators.to)
        for (index, sink) in sinks.enumerated() {
            channels.append(
                try AlertSinks.channel(sink, of: context, on: loop) { [unowned self] news in
                    heard(news, from: index)
                })
        }
    }

    /// The sinks that this node's alerts name, by name.
    static func sinks(of context: NodeContext) -> [AlertSinkPlan] {
        let named = context.blueprint.tasks.flatMap { $0.plan.alert?.to ?? [] }
        let wanted = Set(named + context.topology.alerts.operators.to)
        return context.topology.alerts.sinks.filter { wanted.contains($0.name) }
    }

    /// Opens the sinks.
    func open() {
        for channel in channels { channel.open() }
    }

    // MARK: What happens

    /// A frame of `task` shows what the task alerts of.
    ///
    /// - Parameter since: when the frame was received.
    func detected(_ detection: Detection, task: Int, since: Instant) {
        let age = loop.time.now - since
        let alert = Alert(
            id: ids.id(of: detection), origin: origin,
            time: WallTime(nanoseconds: loop.time.wall.nanoseconds - age.nanoseconds),
            since: since, content: .detection(detection))
        send(alert, by: taskRoutes[task])
    }

    /// A loop says that a condition is there.
    func began(_ key: Conditions.Key, by shard: Int) {
        report(conditions.began(key, by: shard, now: loop.time.now))
    }

    /// A loop says that it is over.
    func ended(_ key: Conditions.Key, by shard: Int) {
        report(conditions.ended(key, by: shard, now: loop.time.now))
    }

    /// It happened and is over at once.
    func happened(_ key: Conditions.Key) {
        report(conditions.happened(key, now: loop.time.now))
    }

    private func report(_ transitions: [Conditions.Transition]) {
        for transition in transitions {
            let key = transition.key
            let id: String
            let state: ConditionReport.State
            switch transition.change {
            case .raised:
                id = ids.id(condition: key.condition, subject: key.subject)
                raised[key] = id
                state = .raised
            case .cleared:
                guard let begun = raised.removeValue(forKey: key) else { continue }
                id = AlertIDs.cleared(begun)
                state = .cleared
            }
            metrics.operatorAlert()
            send(
                Alert(
                    id: id, origin: origin, time: loop.time.wall, since: loop.time.now,
                    content: .condition(
                        ConditionReport(
                            condition: key.condition, subject: key.subject, state: state))),
                by: operatorRoute)
        }
        timer?.cancel()
        timer = conditions.due.map { due in
            loop.schedule(at: due) { [unowned self] in
                report(conditions.check(now: loop.time.now))
            }
        }
    }

    private func send(_ alert: Alert, by route: Route) {
        if route.isLogged { AlertLog.write(alert, to: log) }
        for index in route.channels { channels[index].post(alert) }
    }

    // MARK: What becomes of it

    private func heard(_ news: Channel.News, from index: Int) {
        let name = channels[index].name
        switch news {
        case .delivered(let alert, let after):
            if case .detection = alert.content { metrics.delivered(sink: index, after: after) }
        case .failing(let fault):
            log.warning("alerts wait: the sink '\(name)' takes none: \(fault)")
        case .recovered: log.info("the sink '\(name)' takes alerts again")
        case .refused(let id, let fault):
            log.error(
                "an alert is given up: the sink '\(name)' refuses it: \(fault)",
                metadata: ["alert": "\(id)"])
        }
    }

    /// All numbers of alerts, for a scrape.
    func collect() -> MetricValues { metrics.collect(channels) }

    // MARK: The end

    /// Waits until the sinks have taken what they are owed, not longer than `farewellPatience`,
    /// closes them and calls `done` once.
    func farewell(_ done: @escaping () -> Void) {
        var left = channels.count
        var isDone = false
        let finish = { [self] in
            guard !isDone else { return }
            isDone = true
            for channel in channels where channel.depth > 0 {
                log.error("\(channel.depth) alerts to the sink '\(channel.name)' are lost")
            }
            for channel in channels { channel.close() }
            done()
        }
        if left == 0 { return finish() }
        loop.schedule(after: Self.farewellPatience, finish)
        for channel in channels {
            channel.whenDelivered {
                left -= 1
                if left == 0 { finish() }
            }
        }
    }
}
