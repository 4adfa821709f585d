import Alerts
import EventLoop
import Ground
import Wire

/// The way of the desk of alerts to what is kept of them.
extension SpoolLink {
    /// Bytes that an alert counts for while it waits to be written: its texts come from a topology
    /// and from requests' parameters, which are short.
    private static let alertBytes = 2 << 10

    /// Writes an alert down beside its delivery, or for later.
    ///
    /// - Parameters:
    ///   - ticket: under which its sink has it already; `nil` when it is to be read.
    ///   - lost: hears on the spool's thread that it was not possible.
    func keep(
        _ alert: Alert, for sink: String, ticket: UInt64?, lost: @escaping @Sendable () -> Void
    ) {
        let moment = clock(alert.time)
        // Put into words there: here frames wait.
        let isTaken = post(Self.alertBytes) { desk in
            let json = String(decoding: alert.json().canonical, as: UTF8.self)
            let record = OwedRecord(
                at: alert.time, clock: moment,
                body: .alert(AlertRecord(id: alert.id, sink: sink, json: json)))
            if !desk.shelf.append(record.encode(), for: sink, ticket: ticket) { lost() }
        }
        if !isTaken { lost() }
    }

    /// A sink has taken an alert, or never will.
    func took(_ ticket: UInt64, by sink: String) {
        desk.post { $0.shelf.took(ticket, by: sink) }
    }

    /// The sinks that there are.
    func adopt(sinks: [String]) { desk.post { $0.shelf.adopt(sinks) } }

    /// A sink begins anew: what it has not taken it is to read again.
    func rewind(_ sink: String) { desk.post { $0.shelf.rewind(sink) } }

    /// The next alerts of a sink, at most so many, given to `then` on the spool's thread.
    func readAlerts(
        for sink: String, most: Int, then: @escaping @Sendable (AlertReading?) -> Void
    ) {
        if !desk.post({ then($0.shelf.read(for: sink, most: most)) }) { then(nil) }
    }
}
