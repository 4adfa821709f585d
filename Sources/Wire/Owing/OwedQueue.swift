internal import CWire
internal import Ground

/// What is kept for the node above, by kind. The lowest goes first when there is no room for all.
public enum OwedQueue: UInt8, Sendable, CaseIterable, Comparable {
    /// Frames that are owed an answer.
    case escalation = 1
    case result
    case telemetry
    case alert
    /// Never dropped.
    case audit

    public static func < (a: OwedQueue, b: OwedQueue) -> Bool { a.rawValue < b.rawValue }

    /// Whether it is sent to the node above. Alerts are not: whoever alerts delivers them itself.
    public var goesUp: Bool { self != .alert }

    /// Its name in topologies, metrics and words.
    public var name: String {
        switch self {
        case .escalation: "escalation"
        case .result: "result"
        case .telemetry: "telemetry"
        case .alert: "alert"
        case .audit: "audit"
        }
    }

    /// - Throws: `corrupt` for a queue that this version does not know.
    init(_ c: Canopy__V1__OwedQueue) throws(Fault) {
        guard let queue = UInt8(exactly: c.rawValue).flatMap(OwedQueue.init(rawValue:)) else {
            throw refusal(
                .peer, "queue \(c.rawValue) is none of 1 to 5", remedy: "upgrade this node")
        }
        self = queue
    }

    var c: Canopy__V1__OwedQueue { Canopy__V1__OwedQueue(rawValue: UInt32(rawValue)) }
}

/// Whose records these are. With its sequence a record is named for ever.
public struct Origin: Sendable, Hashable {
    /// Empty where the topology states none.
    public var site: String
    /// The node's name, as its certificate states it.
    public var node: String
    /// Random, made with the folder of the spool: a node that was wiped is not its former self.
    public var epoch: UInt64
    public var queue: OwedQueue

    public init(site: String, node: String, epoch: UInt64, queue: OwedQueue) {
        self.site = site
        self.node = node
        self.epoch = epoch
        self.queue = queue
    }

    /// - Throws: `corrupt` when it is missing, or names no node or no queue.
    init(_ c: UnsafeMutablePointer<Canopy__V1__Origin>?, of what: StaticString) throws(Fault) {
        guard let c else { throw refusal(.peer, "an \(what) without its origin") }
        site = try text(c.pointee.site, "site", .peer)
        node = try text(c.pointee.node, "node", .peer)
        guard !node.isEmpty else { throw refusal(.peer, "the origin of an \(what) names no node") }
        epoch = c.pointee.epoch
        queue = try OwedQueue(c.pointee.queue)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__Origin>? {
        let c = arena.make(canopy__v1__origin__init)
        c.pointee.site = arena.text(site)
        c.pointee.node = arena.text(node)
        c.pointee.epoch = epoch
        c.pointee.queue = queue.c
        return c
    }
}
