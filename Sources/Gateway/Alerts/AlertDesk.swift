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
        var outlets: [AlertOutlet]
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
    /// Where the node above hears of conditions.
    let incidents: IncidentBook
    private(set) var operatorRoute = Route(isLogged: true, outlets: [])
    private var taskRoutes: [Route] = []
    private var outlets: [AlertOutlet] = []
    /// Where alerts are kept; `nil` where the node keeps nothing.
    private let spool: SpoolLink?
    private let log: Logger

    /// Makes the desk and opens its sinks.
    ///
    /// - Throws: when there are more numbers than are kept.
    init(
        _ context: NodeContext, _ sinks: [PreparedSink], on loop: Loop, registry: Metrics
    ) throws(Fault) {
        self.loop = loop
        spool = context.spool.link
        incidents = context.incidents
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
            old.first { $0.plan.isSame(as: sink.plan) } ?? make(sink)
        }
        spool?.adopt(sinks: outlets.map(\.plan.name))
        for outlet in old where !outlets.contains(where: { $0 === outlet }) {
            metrics.count(outlet.channel, as: outlet.series, since: outlet.seen)
            retire(outlet)
        }
        for outlet in outlets where !old.contains(where: { $0 === outlet }) { outlet.open() }
        let operators = context.topology.alerts.operators
        conditions.adopt(Hysteresis.Rule(operators))
        operatorRoute = route(operators.to)
        taskRoutes = context.blueprint.tasks.map { route($0.plan.alert?.to ?? []) }
        forget(allBut: context.blueprint)
    }

    private func make(_ sink: PreparedSink) -> AlertOutlet {
        let channel = sink.channel(on: loop) { [unowned self] in heard($0, from: sink) }
        return AlertOutlet(sink.plan, sink.series, channel, spool, on: loop)
    }

    /// Where another sink of its name takes its place, that one reads from the disk what this one
    /// has not taken.
    private func retire(_ outlet: AlertOutlet) {
        let isReplaced = outlets.contains { $0.plan.name == outlet.plan.name }
        guard isReplaced, let spool else { return leave([outlet]) {} }
        outlet.close()
        spool.rewind(outlet.plan.name)
    }

    private func route(_ names: [String]) -> Route {
        Route(
            isLogged: names.contains(AlertsPlan.log),
            outlets: outlets.filter { names.contains($0.plan.name) })
    }

    /// A frame of `task` shows what the task alerts of.
    ///
    /// - Parameter since: when the frame was received.
    func detected(_ detection: Detection, task: Int, since: Instant) {
        let age = loop.time.now - since
        metrics.emitted(after: age)
        let alert = Alert(
            id: ids.id(of: detection), origin: origin,
            time: loop.time.wall - age,
            since: since, content: .detection(detection))
        if taskRoutes.indices.contains(task) { send(alert, by: taskRoutes[task]) }
    }

    func send(_ alert: Alert, by route: Route) {
        for outlet in route.outlets { outlet.send(alert) }
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
        for outlet in outlets {
            metrics.count(outlet.channel, as: outlet.series, since: outlet.seen)
            outlet.seen = outlet.channel.counts
        }
        return metrics.snapshot()
    }

    /// Waits until the sinks have taken what they are owed, not longer than `farewellPatience`,
    /// closes them and calls `done` once.
    func farewell(_ done: @escaping () -> Void) { leave(outlets, done) }

    private func leave(_ leaving: [AlertOutlet], _ done: @escaping () -> Void) {
        var left = leaving.count
        var isDone = false
        let finish = { [self] in
            guard !isDone else { return }
            isDone = true
            for outlet in leaving {
                tellLeft(outlet)
                outlet.close()
            }
            done()
        }
        if left == 0 { return finish() }
        loop.schedule(after: Self.farewellPatience, finish)
        for outlet in leaving {
            outlet.channel.whenDelivered {
                left -= 1
                if left == 0 { finish() }
            }
        }
    }

    private func tellLeft(_ outlet: AlertOutlet) {
        let (depth, name) = (outlet.channel.depth, outlet.plan.name)
        guard depth > 0 else { return }
        if spool != nil, outlets.contains(where: { $0 === outlet }) {
            log.info("alerts to the sink '\(name)' wait on the disk")
        } else {
            log.error("\(depth) alerts to the sink '\(name)' are lost")
        }
    }
}
