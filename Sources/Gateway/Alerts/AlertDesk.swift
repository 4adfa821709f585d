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
    /// How long a node that ends, or a sink that a new topology leaves out, waits for what is owed
    /// to be taken: a healthy sink needs milliseconds, and one that is away must not hold a restart
    /// up.
    static let farewellPatience = Interval.seconds(2)

    /// Who is told of something.
    struct Route {
        var isLogged: Bool
        var channels: [Channel]
    }

    /// A channel, what it was made of, and what was counted of it at the last scrape.
    private struct Outlet {
        let channel: Channel
        let plan: AlertSinkPlan
        let series: AlertMetrics.Sink
        var seen = Outbox.Counts()
    }

    let loop: Loop
    let metrics: AlertMetrics
    let origin: AlertOrigin
    var ids: AlertIDs
    var conditions: Conditions
    /// The ids under which conditions were raised that are not cleared.
    var raised: [Conditions.Key: String] = [:]
    /// When conditions are to be looked at again.
    var timer: (any ScheduledTimer)?
    private(set) var operatorRoute = Route(isLogged: true, channels: [])
    private var taskRoutes: [Route] = []
    private var outlets: [Outlet] = []
    private let log: Logger

    /// Makes the desk and opens its sinks.
    ///
    /// - Throws: when there are more numbers than are kept.
    init(
        _ context: NodeContext, _ sinks: [PreparedSink], on loop: Loop, registry: Metrics
    ) throws(Fault) {
        self.loop = loop
        metrics = try AlertMetrics(registry)
        log = context.log
        origin = AlertOrigin(
            node: context.names.name, tier: context.names.tier, site: context.blueprint.node.site)
        ids = AlertIDs(node: context.names.name, boot: SecureRandom.word())
        conditions = Conditions(Hysteresis.Rule(context.topology.alerts.operators))
        adopt(context, sinks)
    }

    /// Takes the sinks and routes of a topology. A sink that stays as it was keeps what it owes and
    /// its connection; one that is left out gets a moment to take what it is owed.
    func adopt(_ context: NodeContext, _ sinks: [PreparedSink]) {
        let old = outlets
        outlets = sinks.map { sink in
            if let same = old.first(where: { $0.plan.isSame(as: sink.plan) }) { return same }
            let channel = sink.channel(on: loop) { [unowned self] in heard($0, from: sink) }
            return Outlet(channel: channel, plan: sink.plan, series: sink.series)
        }
        let kept = outlets.map(\.channel)
        for outlet in old where !kept.contains(where: { $0 === outlet.channel }) {
            metrics.count(outlet.channel, as: outlet.series, since: outlet.seen)
            leave([outlet.channel]) {}
        }
        for channel in kept where !old.contains(where: { $0.channel === channel }) {
            channel.open()
        }
        let operators = context.topology.alerts.operators
        conditions.adopt(Hysteresis.Rule(operators))
        operatorRoute = route(operators.to)
        taskRoutes = context.blueprint.tasks.map { route($0.plan.alert?.to ?? []) }
        forget(allBut: context.blueprint)
    }

    private func route(_ names: [String]) -> Route {
        Route(
            isLogged: names.contains(AlertsPlan.log),
            channels: outlets.map(\.channel).filter { names.contains($0.name) })
    }

    /// A frame of `task` shows what the task alerts of.
    ///
    /// - Parameter since: when the frame was received.
    func detected(_ detection: Detection, task: Int, since: Instant) {
        let age = loop.time.now - since
        metrics.emitted(after: age)
        let alert = Alert(
            id: ids.id(of: detection), origin: origin,
            time: WallTime(nanoseconds: loop.time.wall.nanoseconds - age.nanoseconds),
            since: since, content: .detection(detection))
        if taskRoutes.indices.contains(task) { send(alert, by: taskRoutes[task]) }
    }

    func send(_ alert: Alert, by route: Route) {
        for channel in route.channels { channel.post(alert) }
        if route.isLogged { AlertLog.write(alert, to: log) }
    }

    private func heard(_ news: Channel.News, from sink: PreparedSink) {
        let name = sink.plan.name
        switch news {
        case .delivered(let alert, let after):
            if case .detection = alert.content { metrics.delivered(to: sink.series, after: after) }
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
    func collect() -> MetricValues {
        for index in outlets.indices {
            let outlet = outlets[index]
            metrics.count(outlet.channel, as: outlet.series, since: outlet.seen)
            outlets[index].seen = outlet.channel.counts
        }
        return metrics.snapshot()
    }

    /// Waits until the sinks have taken what they are owed, not longer than `farewellPatience`,
    /// closes them and calls `done` once.
    func farewell(_ done: @escaping () -> Void) { leave(outlets.map(\.channel), done) }

    private func leave(_ channels: [Channel], _ done: @escaping () -> Void) {
        var left = channels.count
        var isDone = false
        let finish = { [log] in
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
