import Cryptography
import Ground
import HTTP
import Telemetry

/// What a caller says of the trace that its request belongs to.
struct CallerTrace {
    /// The `traceparent` header, not judged yet.
    let parent: String
    /// The `tracestate` header.
    var state: TraceState

    /// What a call says; `nil` when it says nothing.
    ///
    /// Only nodes of the topology are believed about time: a client's word would put this node's
    /// spans where it likes.
    init?(of call: ServerCall) {
        guard let parent = call.header("traceparent") else { return nil }
        self.init(parent: parent, state: call.header("tracestate").map { TraceState($0) })
        if call.identity?.kind != .node { state.arrival = nil }
    }

    init(parent: String, state: TraceState? = nil) {
        self.parent = parent
        self.state = state ?? TraceState()
    }

    /// As a request that came long after its call's headers, as on a stream: its ids hold, its
    /// moment does not.
    var withoutArrival: CallerTrace {
        var copy = self
        copy.state.arrival = nil
        return copy
    }
}

/// How long the way to a peer and back takes without the peer's own work: the shortest that was
/// seen.
///
/// A call's span here and the peer's span of it are read from two clocks. The peer's is put into
/// ours half of this after the call began; since no way there and back was shorter, it ends before
/// ours does. A way that has become longer leaves it early in the call, never outside; one that has
/// become less than half as long is known after one call.
struct Transit {
    /// Answers before the shortest is believed: the first ones come while caches fill. Until then a
    /// peer's span begins with our call, which is within it whatever the way takes.
    static let enough = 8

    private var shortest: Interval?
    private var seen = 0

    /// Of the way there; nothing before enough is known.
    var oneWay: Interval {
        guard seen >= Self.enough, let shortest else { return .zero }
        return Interval(nanoseconds: shortest.nanoseconds / 2)
    }

    /// Takes in an answered call that had not to wait for a connection.
    ///
    /// - Parameters:
    ///   - call: from its beginning to its answer, here.
    ///   - route: `canopy.route` of the answer, which begins with the peer's own time; others say
    ///     nothing, and then nothing is learned.
    mutating func observe(call: Interval, route: String?) {
        guard let route, let there = Self.firstHop(route), there <= call else { return }
        let way = call - there
        shortest = min(shortest ?? way, way)
        seen = min(seen + 1, Self.enough)
    }

    /// The time of a route's first hop: `region=1.234ms;cloud=…`.
    static func firstHop(_ route: String) -> Interval? {
        let hop = route.prefix { $0 != ";" }
        guard hop.hasSuffix("ms"), let sign = hop.lastIndex(of: "=") else { return nil }
        let parts = hop[hop.index(after: sign)...].dropLast(2).split(
            separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        // Nobody waits for a call as long as eight digits of milliseconds.
        guard parts.count == 2, parts[0].utf8.count <= 8, parts[1].utf8.count == 3,
            let whole = UInt32(parts[0]), let thousandths = UInt32(parts[1])
        else { return nil }
        return .microseconds(Int64(whole) * 1_000 + Int64(thousandths))
    }
}
