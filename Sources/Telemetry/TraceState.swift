public import Ground

/// The `tracestate` header of W3C Trace Context: what tracers tell each other beside the ids.
///
/// Between nodes Canopy has an entry of its own, `canopy=NANOSECONDS`: the moment at which the
/// request should arrive, by the clock of the node where the trace began. The node that is called
/// begins its span there and not at its own time of day, so that spans of nodes whose clocks differ
/// nest all the same. Other tracers' entries are handed on as they came.
public struct TraceState: Sendable, Hashable {
    /// When the request should arrive, by the clock that the trace began with.
    public var arrival: WallTime?
    /// Other tracers' entries, newest first, as they came.
    public private(set) var others: String

    /// Bytes of a header that are handed on: what the standard asks of everybody. Of a longer one
    /// others' entries are dropped, as it allows.
    public static let mostBytes = 512
    private static let key = "canopy="

    public init() { others = "" }

    /// Reads a header. What is wrong in Canopy's own entry is passed over: a trace is worth less
    /// than the frame that it is about.
    public init(_ header: String) {
        self.init()
        var kept: [Substring] = []
        for entry in header.split(separator: ",") {
            let entry = entry.drop { $0 == " " || $0 == "\t" }
            if entry.hasPrefix(Self.key) {
                arrival = Int64(entry.dropFirst(Self.key.count)).flatMap {
                    $0 > 0 ? WallTime(nanoseconds: $0) : nil
                }
            } else {
                kept.append(entry)
            }
        }
        let joined = kept.joined(separator: ",")
        // Canopy's own entry and a comma must find room before the others.
        if joined.utf8.count <= Self.mostBytes - 32 { others = joined }
    }

    /// The header, or `nil` when there is nothing to say.
    public var header: String? {
        guard let arrival else { return others.isEmpty ? nil : others }
        let own = "\(Self.key)\(arrival.nanoseconds)"
        return others.isEmpty ? own : "\(own),\(others)"
    }
}
