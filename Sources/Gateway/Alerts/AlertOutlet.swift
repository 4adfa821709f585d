import Alerts
import EventLoop
import Ground
import Topology

/// One sink and what it is owed: in memory what it is about to get, on disk, where the node has a
/// spool, all that it has not taken. Confined to the desk's loop.
///
/// An alert goes out at once and is written down beside that. What finds no room in memory waits on
/// the disk, and is read when there is room again, so that nothing is overtaken.
final class AlertOutlet {
    /// When to read again what the disk did not give.
    private static let retry = Interval.seconds(2)

    let channel: Channel
    let plan: AlertSinkPlan
    let series: AlertMetrics.Sink
    /// What was counted at the last scrape.
    var seen = Outbox.Counts()
    private let loop: Loop
    private let spool: SpoolLink?
    /// Whether there is something on the disk that is not in memory.
    private var isBehind: Bool
    private var isReading = false
    private var isClosed = false
    /// Alerts that were left to the disk.
    private var left = 0

    init(
        _ plan: AlertSinkPlan, _ series: AlertMetrics.Sink, _ channel: Channel,
        _ spool: SpoolLink?, on loop: Loop
    ) {
        self.plan = plan
        self.series = series
        self.channel = channel
        self.spool = spool
        self.loop = loop
        isBehind = spool != nil
        guard let spool else { return }
        let name = plan.name
        channel.done = { [weak self] ticket in
            spool.took(ticket, by: name)
            self?.readOn()
        }
    }

    /// Opens the sink, and gives it first what an earlier process left.
    func open() {
        channel.open()
        readOn()
    }

    func send(_ alert: Alert) {
        guard let spool else { return channel.post(alert) }
        let name = plan.name
        if !isBehind && channel.hasRoom {
            let ticket = spool.ticket()
            channel.post(alert, ticket: ticket)
            return spool.keep(alert, for: name, ticket: ticket) {}
        }
        isBehind = true
        left += 1
        let outlet = LoopConfined(self, to: loop.poster)
        spool.keep(alert, for: name, ticket: nil) { outlet.post { $0.channel.missed(1) } }
        readOn()
    }

    /// Ends. What was not delivered waits on the disk, or is lost.
    func close() {
        isClosed = true
        channel.close()
    }

    /// Reads from the disk when memory is half empty.
    private func readOn() {
        guard let spool, isBehind, !isReading, !isClosed, channel.depth <= plan.queue / 2 else {
            return
        }
        isReading = true
        let (outlet, before) = (LoopConfined(self, to: loop.poster), left)
        let room = plan.queue - channel.depth
        spool.readAlerts(for: plan.name, most: room) { reading in
            outlet.post { $0.take(reading, before) }
        }
    }

    private func take(_ reading: AlertReading?, _ before: Int) {
        isReading = false
        guard let reading else {
            loop.schedule(after: Self.retry) { [weak self] in self?.readOn() }
            return
        }
        for item in reading.items {
            switch item {
            case .lost(let count): channel.missed(count)
            case .alert(let ticket, let at, let json): post(json, ticket, at)
            }
        }
        // What came meanwhile is on the disk, too.
        if reading.isAtEnd && left == before { isBehind = false }
        readOn()
    }

    private func post(_ json: [UInt8], _ ticket: UInt64, _ at: WallTime) {
        let age = max((loop.time.wall - at).nanoseconds, 0)
        let now = loop.time.now.nanoseconds
        let since = Instant(nanoseconds: now - min(UInt64(age), now))
        do throws(Fault) {
            channel.post(try Alert(reading: json, time: at, since: since), ticket: ticket)
        } catch {
            // A later version's, or nobody's: it can be given to nobody.
            channel.missed(1)
            spool?.took(ticket, by: plan.name)
        }
    }
}
