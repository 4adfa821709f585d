import Alerts
import EventLoop
import Ground
import Logging
import Node
import Spool
import Storage
import Wire

/// The alerts of a node on its disk, until their sinks have taken them. They never go to the node
/// above: the node that alerts delivers them itself, after a restart too. Confined to the spool's
/// thread.
final class AlertShelf {
    /// Records that are read at once: some 200 KB, while nothing else is written.
    static let mostRead = 256
    /// How long it may take until what was taken leaves the disk: a crash before that has it sent
    /// again under the same id, and a write for each alert would cost as much as the alert.
    static let settleAfter = Interval.seconds(1)
    /// Largest file of marks: 4,096 sinks with the longest names.
    private static let marksLimit = 1 << 20
    /// Tickets of what was read from the disk have this bit.
    private static let isRead = UInt64(1) << 63

    private unowned let desk: SpoolDesk
    private let path: String
    private var ledger: AlertLedger
    private var written = ""
    private var timer: (any ScheduledTimer)?

    init(_ desk: SpoolDesk, folder: String) {
        self.desk = desk
        path = "\(folder)/alerts.taken"
        let depth = Self.depth(desk)
        ledger = AlertLedger(
            settled: depth.first - 1, last: depth.next - 1,
            marks: Self.marks(path, desk.spool.epoch))
    }

    private static func depth(_ desk: SpoolDesk) -> SpoolDepth {
        desk.spool.depths[Int(SpoolQueue.alert.rawValue)]
    }

    // MARK: The desk of alerts asks

    /// The sinks that there are.
    func adopt(_ names: [String]) {
        ledger.adopt(names)
        let left = Self.depth(desk).records
        if names.isEmpty, left > 0 { desk.log.error("\(left) alerts are lost: no sink takes any") }
        settleLater()
    }

    /// A sink begins anew.
    func rewind(_ sink: String) { ledger.rewind(sink) }

    /// Writes an alert down; false when that is not possible.
    ///
    /// - Parameter ticket: under which the sink has it already.
    func append(_ record: [Bytes], for sink: String, ticket: UInt64?) -> Bool {
        guard let sequence = desk.append(.alert, record, receipt: nil, then: nil) else {
            return false
        }
        ledger.wrote(sequence, for: sink, ticket: ticket)
        return true
    }

    /// A sink has taken an alert, or never will.
    func took(_ ticket: UInt64, by sink: String) {
        ledger.took(ticket, by: sink)
        settleLater()
    }

    /// The next alerts of a sink, at most so many; `nil` when the disk does not give them now.
    func read(for sink: String, most: Int) -> AlertReading? {
        guard let place = ledger.place(of: sink) else { return AlertReading(isAtEnd: true) }
        if desk.spool.pending > 0 { desk.commit() }
        do throws(Fault) {
            let entries = try desk.spool.read(
                .alert, after: place, records: min(most, Self.mostRead),
                bytes: Uploading.batchBytes)
            var reading = AlertReading()
            var own: [(ticket: UInt64, sequence: UInt64)] = []
            for entry in entries { add(entry, of: sink, to: &reading, &own) }
            let end = Self.depth(desk).next - 1
            ledger.gave(sink, own, through: entries.last?.last ?? end)
            reading.isAtEnd = ledger.place(of: sink) == nil
            return reading
        } catch {
            desk.log.error("alerts that wait cannot be read: \(error)")
            return nil
        }
    }

    private func add(
        _ entry: SpoolEntry, of sink: String, to reading: inout AlertReading,
        _ own: inout [(ticket: UInt64, sequence: UInt64)]
    ) {
        switch entry {
        case .gap(let gap): reading.items.append(.lost(Int(clamping: gap.count)))
        case .record(let sequence, let bytes):
            guard let record = try? OwedRecord.decode(bytes), case .alert(let alert)? = record.body
            else { return reading.items.append(.lost(1)) }
            guard alert.sink == sink else { return }
            let ticket = Self.isRead | sequence
            own.append((ticket, sequence))
            reading.items.append(
                .alert(ticket: ticket, at: record.at, json: Array(alert.json.utf8)))
        }
    }

    // MARK: What was taken

    private func settleLater() {
        guard timer == nil else { return }
        timer = desk.loop.schedule(after: Self.settleAfter) { [weak self] in self?.settle() }
    }

    /// Lets go of what all sinks have taken, and notes who is further.
    func settle() {
        timer?.cancel()
        timer = nil
        do throws(Fault) {
            let depth = Self.depth(desk)
            let mark = min(ledger.mark, depth.next - 1)
            if mark >= depth.first { try desk.spool.settle(.alert, through: mark) }
            try noteAhead()
        } catch {
            desk.log.error("alerts that were delivered may be sent again: \(error)")
        }
        desk.publish()
    }

    /// One sink that takes nothing must not have all others get everything again.
    private func noteAhead() throws(Fault) {
        let ahead = ledger.ahead.map { "\($0.mark) \($0.name)\n" }.joined()
        guard ahead != written else { return }
        let text = "\(desk.spool.epoch)\n" + ahead
        try FileDisk().replace(path, with: Array(text.utf8))
        written = ahead
    }

    private static func marks(_ path: String, _ epoch: UInt64) -> [String: UInt64] {
        guard let bytes = try? FileDisk().read(path, limit: marksLimit) else { return [:] }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard let first = lines.first, UInt64(first) == epoch else { return [:] }
        var marks: [String: UInt64] = [:]
        for line in lines.dropFirst() {
            let words = line.split(separator: " ", maxSplits: 1)
            if words.count == 2, let mark = UInt64(words[0]) { marks[String(words[1])] = mark }
        }
        return marks
    }
}

/// Alerts of one sink as they come from the disk, in order.
struct AlertReading: Sendable {
    enum Item: Sendable {
        case alert(ticket: UInt64, at: WallTime, json: [UInt8])
        /// So many are gone; of a queue that several sinks share, at most so many.
        case lost(Int)
    }

    var items: [Item] = []
    /// Whether there are no more.
    var isAtEnd = false
}
