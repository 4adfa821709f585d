public import Ground

/// All that is wrong with a topology, in the order of the files and their lines. Never empty.
public struct TopologyFaults: Error, Sendable, CustomStringConvertible {
    /// The first `Bounds.faults` of them.
    public let faults: [TopologyFault]
    /// How many more there are.
    public let omitted: Int

    /// Sorts by place, drops repetitions and cuts at the bound.
    init(_ report: Report) {
        let all = report.faults
        var seen: Set<TopologyFault> = []
        let sorted = all.filter { seen.insert($0).inserted }.sorted {
            ($0.place, $0.problem) < ($1.place, $1.problem)
        }
        faults = Array(sorted.prefix(Bounds.faults))
        omitted = sorted.count - faults.count + report.dropped
    }

    /// One line a fault, and a last line that counts what was left out.
    public var description: String {
        var lines = faults.map(\.description)
        if omitted > 0 { lines.append("and \(omitted) more faults; mend these first") }
        return lines.joined(separator: "\n")
    }

    /// The same as one `Fault`, for callers that know no topology.
    public var fault: Fault {
        let count = faults.count + omitted
        return Fault(
            .invalid, "the topology has \(count) fault\(count == 1 ? "" : "s"):\n\(description)")
    }
}

/// Collects faults while a topology is read and checked, so that one run reports them all.
final class Report {
    private(set) var faults: [TopologyFault] = []
    /// How many more there were than are kept.
    private(set) var dropped = 0
    /// Whether something could not be read: then what seems to be missing may be there.
    var isPartial = false

    func add(_ place: Place, _ problem: String, _ remedy: @autoclosure () -> String) {
        // Four times what is shown: the checks run section by section, and the first lines of the
        // files should be among what is kept. Remedies search for the word that was meant, which
        // is slow among 10,000 names.
        guard faults.count < 4 * Bounds.faults else {
            dropped += 1
            return
        }
        faults.append(TopologyFault(place, problem, remedy()))
    }

    func add(contentsOf others: [TopologyFault]) {
        for fault in others { add(fault.place, fault.problem, fault.remedy) }
    }
}

/// `text` between backticks for a message: control characters shown as spaces, long text cut.
func quoted(_ text: some StringProtocol) -> String {
    var shown = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
        // A digest is 71 characters: the longest thing that is worth seeing whole.
        if index == 80 {
            shown += "…"
            break
        }
        let control = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
        shown.unicodeScalars.append(control ? " " : scalar)
    }
    return "`\(shown)`"
}

/// Items in backticks, separated by commas, in their order.
func listed(_ items: some Sequence<String>) -> String {
    items.map { quoted($0) }.joined(separator: ", ")
}
