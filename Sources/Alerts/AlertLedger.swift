/// Who has been given which alerts of a queue that is on disk, and who has taken them. Pure.
///
/// All sinks share the queue: a record is one alert for one sink, under a sequence. A sink is given
/// its records in order: those that come while it has room at once, under a ticket of their poster,
/// the others later, from the disk. What all have taken may be settled.
public struct AlertLedger: Sendable, Equatable {
    /// What is known of one sink.
    private struct Sink: Sendable, Equatable {
        /// It has been given all its records up to this one; where it goes on reading.
        var place: UInt64
        /// The last record that may be its own.
        var last: UInt64
        /// Records that it was given and has not taken, oldest first; as many as its outbox holds.
        var out: [Out] = []

        var isBehind: Bool { place < last }
        /// All of its records up to this one are taken.
        var mark: UInt64 {
            if let oldest = out.first { return oldest.sequence - 1 }
            return max(place, isBehind ? 0 : last)
        }
    }

    private struct Out: Sendable, Equatable {
        let ticket: UInt64
        let sequence: UInt64
    }

    /// The last record of the queue.
    private var last: UInt64
    private let settled: UInt64
    private let marks: [String: UInt64]
    private var sinks: [String: Sink] = [:]

    /// - Parameters:
    ///   - settled: the queue's cursor.
    ///   - last: its last record.
    ///   - marks: what sinks had taken beyond the cursor, by name, of an earlier process.
    public init(settled: UInt64, last: UInt64, marks: [String: UInt64] = [:]) {
        self.settled = settled
        self.last = last
        self.marks = marks
    }

    /// The sinks that there are, by name. A new one is to read what was kept for it; what was kept
    /// for one that is gone is nobody's.
    public mutating func adopt(_ names: [String]) {
        sinks = sinks.filter { names.contains($0.key) }
        for name in names where sinks[name] == nil {
            let place = min(max(settled, marks[name] ?? 0), last)
            sinks[name] = Sink(place: place, last: last)
        }
    }

    /// A sink begins anew: what it was given and has not taken it is to read again.
    public mutating func rewind(_ name: String) {
        guard var sink = sinks[name] else { return }
        sink.place = sink.mark
        sink.out = []
        sink.last = last
        sinks[name] = sink
    }

    /// Where a sink goes on reading; `nil` when it has been given everything.
    public func place(of name: String) -> UInt64? {
        guard let sink = sinks[name], sink.isBehind else { return nil }
        return sink.place
    }

    /// A record was written.
    ///
    /// - Parameter ticket: under which its sink was given the alert; `nil` when it is to read it.
    public mutating func wrote(_ sequence: UInt64, for name: String, ticket: UInt64?) {
        last = max(last, sequence)
        guard var sink = sinks[name] else { return }
        // Whoever reads behind is given nothing before it has come there.
        if let ticket, !sink.isBehind {
            sink.out.append(Out(ticket: ticket, sequence: sequence))
            sink.place = sequence
        }
        sink.last = sequence
        sinks[name] = sink
    }

    /// A sink has read on up to a record.
    ///
    /// - Parameter own: its records among what it read, with their tickets.
    public mutating func gave(
        _ name: String, _ own: [(ticket: UInt64, sequence: UInt64)], through: UInt64
    ) {
        guard var sink = sinks[name] else { return }
        sink.out += own.map { Out(ticket: $0.ticket, sequence: $0.sequence) }
        sink.place = max(sink.place, through)
        sinks[name] = sink
    }

    /// A sink has taken an alert, or never will.
    public mutating func took(_ ticket: UInt64, by name: String) {
        guard let index = sinks[name]?.out.firstIndex(where: { $0.ticket == ticket }) else {
            return
        }
        sinks[name]?.out.remove(at: index)
    }

    /// Everything up to it may be settled.
    public var mark: UInt64 {
        let held = sinks.values.compactMap { sink in
            sink.out.isEmpty && !sink.isBehind ? nil : sink.mark
        }
        return held.min() ?? last
    }

    /// What sinks have taken beyond `mark`, for the next process.
    public var ahead: [(name: String, mark: UInt64)] {
        let least = mark
        return sinks.map { ($0.key, $0.value.mark) }.filter { $0.1 > least }
            .sorted { $0.0 < $1.0 }
    }
}
