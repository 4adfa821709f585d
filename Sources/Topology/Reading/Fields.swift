/// Reads a map's keys one after the other; `finish` then reports the keys that nobody asked for.
final class Fields {
    /// What the map describes, for messages: “task `meter`”.
    let subject: String
    /// The map itself, or where it would stand.
    let place: Place
    let report: Report
    /// Whether it is a map: when not, what is missing in it is not worth another fault.
    let isReadable: Bool
    private let members: [Member]
    private var asked: [String] = []

    /// Takes a map; anything else is reported, and read as an empty one. Nothing is an empty map.
    init(_ entry: Entry, _ subject: String, _ report: Report, at place: Place? = nil) {
        self.subject = subject
        self.place = place ?? entry.place
        self.report = report
        members = entry.members
        switch entry.content {
        case .map, .nothing: isReadable = true
        case .unreadable: isReadable = false
        case .scalar, .list:
            isReadable = false
            report.add(
                entry.place, "\(subject) is a map of settings, this is \(entry.kind)",
                "write `key: value` lines")
        }
    }

    /// The value of `key`, `nil` when the key is not there.
    func entry(_ key: String) -> Entry? {
        asked.append(key)
        return members.first { $0.key == key }.map { member in
            Entry(place: member.spot, content: member.value.content)
        }
    }

    /// Whether the file gives `key`, readable or not.
    func has(_ key: String) -> Bool { members.contains { $0.key == key } }

    /// Whether the file gives no key here.
    var isEmpty: Bool { members.isEmpty }

    /// Where `key` or its value stands, or the map when it is not given.
    func place(of key: String) -> Place {
        members.first { $0.key == key }?.spot ?? place
    }

    /// The map below `key`; empty, with this map's place, when it is not given.
    func fields(_ key: String) -> Fields {
        Fields(entry(key) ?? Entry(place: place, content: .nothing), name(key), report)
    }

    /// The maps below `key` by their names, in the file's order. Names are checked.
    func named(_ key: String, _ what: String) -> [(name: String, place: Place, fields: Fields)] {
        guard let entry = entry(key) else { return [] }
        _ = Fields(entry, "`\(key)`", report)
        return entry.members.map { member in
            if let problem = Name.problem(member.key) {
                report.add(
                    member.place, "\(quoted(member.key)) is no name: \(problem)", Name.remedy)
            }
            let subject = "\(what) \(quoted(member.key))"
            return (member.key, member.place, fields(member, subject))
        }
    }

    private func fields(_ member: Member, _ subject: String) -> Fields {
        Fields(member.value, subject, report, at: member.spot)
    }

    /// The value of `key`, `nil` when it is not given or not readable, which is then reported.
    func value<Value>(_ key: String, _ shape: Shape<Value>) -> Value? {
        entry(key).flatMap { shape.read($0, name(key), report) }
    }

    /// The value of `key`, or `standard` when it is not given.
    func value<Value>(_ key: String, _ shape: Shape<Value>, or standard: Value) -> Value {
        value(key, shape) ?? standard
    }

    /// The value of `key`; that it is missing is reported.
    func required<Value>(_ key: String, _ shape: Shape<Value>) -> Value? {
        guard let entry = entry(key) else {
            if isReadable {
                report.add(place, "\(subject) has no `\(key)`", "give \(shape.expected)")
            }
            return nil
        }
        return shape.read(entry, name(key), report)
    }

    /// Reports `keys` that are given though they have no meaning, because of `reason`.
    func refuse(_ keys: [String], _ reason: String) {
        for key in keys {
            if let entry = entry(key) {
                report.add(entry.place, "\(name(key)) has no effect: \(reason)", "remove it")
            }
        }
    }

    /// Reports the keys that are not known.
    func finish() {
        for member in members where !asked.contains(member.key) {
            var known: [String] = []
            for key in asked where !known.contains(key) { known.append(key) }
            report.add(
                member.place, "\(subject) has no setting \(quoted(member.key))",
                Nearest.remedy(for: member.key, among: known))
        }
    }

    private func name(_ key: String) -> String { "`\(key)` of \(subject)" }
}
