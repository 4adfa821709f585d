import Ground
import Synchronization
import Wire

/// What was wrong with a node lately: the operators' alerts, and the times when the node above was
/// not reached. From any thread.
final class IncidentBook: Sendable {
    /// What the time without the node above is called.
    static let disconnected = "disconnected"
    /// Incidents that are remembered: each is an alert with hysteresis, so this is a bad day. When
    /// there are more the oldest are forgotten, first those that have been told.
    static let most = 256

    private struct Entry {
        var incident: Incident
        /// The node above knows it as it is.
        var isTold = false
    }

    private let entries = Mutex<[Entry]>([])

    /// Something is wrong from now on. Saying it again changes nothing.
    func began(_ kind: String, _ subject: String, at: WallTime, words: String = "") {
        entries.withLock { entries in
            let isKnown = entries.contains {
                $0.incident.kind == kind && $0.incident.subject == subject
                    && $0.incident.ended == nil
            }
            guard !isKnown else { return }
            let incident = Incident(
                kind: kind, subject: subject, began: at, words: ResultRecord.cut(words))
            entries.append(Entry(incident: incident))
            guard entries.count > Self.most else { return }
            let old = entries.firstIndex { $0.isTold && $0.incident.ended != nil }
            entries.remove(at: old ?? 0)
        }
    }

    /// It is over.
    func ended(_ kind: String, _ subject: String, at: WallTime) {
        entries.withLock { entries in
            for index in entries.indices
            where entries[index].incident.kind == kind
                && entries[index].incident.subject == subject
                && entries[index].incident.ended == nil
            {
                entries[index].incident.ended = at
                entries[index].isTold = false
            }
        }
    }

    /// What the node above does not know, as it will be when it hears of it: connected.
    func untold(now: WallTime) -> [Incident] {
        entries.withLock { $0 }.filter { !$0.isTold }.map { entry in
            var incident = entry.incident
            if incident.kind == Self.disconnected && incident.ended == nil { incident.ended = now }
            return incident
        }
    }

    /// The node above has heard of these.
    func told(_ incidents: [Incident]) {
        entries.withLock { entries in
            for index in entries.indices where incidents.contains(entries[index].incident) {
                entries[index].isTold = true
            }
        }
    }

    /// Those that lasted at some time since.
    func since(_ moment: WallTime) -> [Incident] {
        entries.withLock { $0 }.map(\.incident).filter { incident in
            incident.ended.map { $0 >= moment } ?? true
        }
    }
}
