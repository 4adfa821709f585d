public import Ground

/// How a node keeps and sends what it owes the node above it. The topology's `spool` says it for
/// all nodes, a node's own `spool` for that node, setting by setting. A node keeps nothing unless
/// its budget says how much: `budget: { spool: 2GiB }`.
public struct SpoolPlan: Hashable, Sendable {
    /// The folder below which each node has one of its name. Default `spool` beside the file.
    public var folder: String
    /// The node that records and owed frames go to; `nil` (default) is the first Canopy node that
    /// the node asks.
    public var to: String?
    /// Bits a second that a backlog may take of the way up, 8 kbit/s to 100 Gbit/s. Default
    /// 2 Mbit/s: what a shop's uplink can spare, and a day of one camera's results in two minutes.
    public var rate = 2_000_000
    /// How long a frame that is owed may wait for others before all are written to disk as one,
    /// 0 s to 1 s. Default 5 ms: a client waits for it, and a disk writes once for many.
    public var commit = Interval.milliseconds(5)
    /// The same for results and telemetry, 1 ms to 60 s. Default 1 s: what a crash may cost .
    public var results = Interval.seconds(1)
    /// How long records are gathered before they are sent, 100 ms to 1 h. Default 2 s: results of
    /// many frames compress four times better together.
    public var gather = Interval.seconds(2)
    /// What records are encrypted with on disk: 64 hexadecimal digits in a file or a variable.
    /// `nil` (default) encrypts nothing.
    public var key: SecretPlace?

    /// The defaults, for files at `place`.
    init(besides file: String) { folder = Shape<String>.resolve("spool", besides: file) }

    /// What `fields` say, and `base` where they say nothing.
    init(_ fields: Fields, over base: SpoolPlan) {
        folder = fields.value("folder", .path("a folder"), or: base.folder)
        to = fields.value("to", .name) ?? base.to
        rate = fields.value("rate", .bandwidth(8_000...100_000_000_000), or: base.rate)
        commit = fields.value("commit", .interval(.zero...(.seconds(1))), or: base.commit)
        results = fields.value(
            "results", .interval(.milliseconds(1)...(.seconds(60))), or: base.results)
        gather = fields.value(
            "gather", .interval(.milliseconds(100)...(.seconds(3_600))), or: base.gather)
        key = fields.value("key", .secret) ?? base.key
        fields.finish()
    }
}

extension Topology {
    /// The node that takes what `node` owes; `nil` when it keeps nothing, or no Canopy above it can
    /// be dialled.
    public func hub(of node: NodePlan) -> NodePlan? {
        guard node.speaks == .canopy, node.budget.spool != nil else { return nil }
        if let name = node.spool.to { return self.node(named: name) }
        return upstreams(of: node).first { $0.speaks == .canopy && $0.address != nil }
    }

    /// The folder in which `node` keeps what it owes.
    public func spoolFolder(of node: NodePlan) -> String { "\(node.spool.folder)/\(node.name)" }
}
