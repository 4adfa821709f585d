public import Ground

/// How a node holds its connections to each upstream node.
public struct LinkPlan: Hashable, Sendable {
    /// Connections to one upstream node, 1 to 64. Default 2: one can be renewed or lost while the
    /// other carries on; more only cost handshakes, since calls are multiplexed.
    public var connections = 2
    /// Calls on one connection at a time, 1 to 4096. Default 128: half of what a node allows by
    /// default, so that two peers behind one address never see a refused stream.
    public var streams = 128
    /// How long a connection may be silent before it is probed. Default 10 s: a dead link is known
    /// within one breaker window.
    public var keepalive = Interval.seconds(10)
    /// After how long an unused connection is closed. Default 5 min: a handshake costs 3 to 4 ms of
    /// CPU, and quiet cameras still speak every few minutes.
    public var idle = Interval.seconds(300)
    /// How long making a connection may take. Default 2 s: a lost SYN is sent again after one.
    public var connectTimeout = Interval.seconds(2)

    /// The defaults.
    public init() {}

    /// What `fields` say, and `base` where they say nothing.
    init(_ fields: Fields, over base: LinkPlan) {
        connections = fields.value("connections", .count(1...64), or: base.connections)
        streams = fields.value("streams", .count(1...4096), or: base.streams)
        keepalive = fields.value(
            "keepalive", .interval(.seconds(1)...(.seconds(3600))), or: base.keepalive)
        idle = fields.value("idle", .interval(.seconds(1)...(.seconds(86_400))), or: base.idle)
        connectTimeout = fields.value(
            "connect_timeout", .interval(.milliseconds(10)...(.seconds(60))),
            or: base.connectTimeout)
        fields.finish()
    }
}
