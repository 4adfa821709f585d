import EventLoop
import Ground
import Telemetry
import Wire

/// Writes down every minute what the node measured in it, for the node above: sketches of latencies
/// that merge, counts, incidents. Confined to the first loop; what is hot is counted anyway, and
/// only looked at here.
final class MinuteKeeper {
    private static let minute: Int64 = 60_000_000_000

    private let spool: SpoolLink
    private let incidents: IncidentBook
    private let hosts: Hosts
    private unowned let loop: Loop
    private var from: WallTime
    private var before: [TaskTotals] = []

    init(_ spool: SpoolLink, _ incidents: IncidentBook, hosts: Hosts, on loop: Loop) {
        self.spool = spool
        self.incidents = incidents
        self.hosts = hosts
        self.loop = loop
        from = loop.time.wall
    }

    /// Writes at every full minute, for as long as the loop runs.
    func start() {
        let rest = Self.minute - max(loop.time.wall.nanoseconds, 0) % Self.minute
        loop.schedule(after: .nanoseconds(rest)) { [self] in
            write()
            start()
        }
    }

    /// Writes down what was measured since the last time; `done` is called when that is handed on.
    func write(_ done: @escaping () -> Void = {}) {
        hosts.gather(on: loop) { host in
            host.metrics.totals(of: host.shard)
        } then: { [self] (all: [[TaskTotals]]) in
            keep(all)
            done()
        }
    }

    private func keep(_ all: [[TaskTotals]]) {
        var now: [TaskTotals] = []
        for totals in all.joined() {
            if let index = now.firstIndex(where: { $0.task == totals.task }) {
                now[index].add(totals)
            } else {
                now.append(totals)
            }
        }
        let until = loop.time.wall
        var record = TelemetryRecord(from: from, until: until, incidents: incidents.since(from))
        for totals in now {
            let new = totals.since(before.first { $0.task == totals.task })
            if new.latency.count > 0 {
                record.latencies.append(TelemetryRecord.Latencies(name: new.task, new.latency))
            }
            record.counts += new.counts.filter { $0.count > 0 }
        }
        let owed = OwedRecord(at: from, clock: spool.clock(until), body: .telemetry(record))
        spool.append(.telemetry, owed.encode())
        (before, from) = (now, until)
    }
}
