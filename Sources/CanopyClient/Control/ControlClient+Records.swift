public import Ground
public import Wire

extension ControlClient {
    /// Records that a node has kept, one page of them.
    public func records(
        _ query: RecordsQuery, of node: Target, timeout: Interval = patience
    ) async throws(Fault) -> RecordsPage {
        try await ask(node, RPCPath.queryRecords, query, timeout)
    }

    /// Gives a frame its true label.
    public func label(
        _ request: LabelRequest, at node: Target, timeout: Interval = patience
    ) async throws(Fault) -> LabelReply {
        try await ask(node, RPCPath.labelRecord, request, timeout)
    }

    /// All answers about one frame, and why one of them counts.
    public func explain(
        record id: String, at node: Target, timeout: Interval = patience
    ) async throws(Fault) -> RecordExplanation {
        try await ask(node, RPCPath.explainRecord, ExplainRequest(record: id), timeout)
    }

    /// How much a node keeps, of whom, and how right the bundles were.
    public func recordStats(
        _ request: RecordStatsRequest = RecordStatsRequest(), of node: Target,
        timeout: Interval = patience
    ) async throws(Fault) -> RecordStatsReply {
        try await ask(node, RPCPath.recordStats, request, timeout)
    }

    /// What nodes below measured, added up.
    public func telemetry(
        _ query: TelemetryQuery, of node: Target, timeout: Interval = patience
    ) async throws(Fault) -> TelemetryReply {
        try await ask(node, RPCPath.telemetry, query, timeout)
    }

    /// What the nodes below said of themselves last, and what was wrong with them.
    public func knownNodes(
        _ query: NodesQuery, of node: Target, timeout: Interval = patience
    ) async throws(Fault) -> NodesReply {
        try await ask(node, RPCPath.knownNodes, query, timeout)
    }

    /// What was done to what a node keeps, newest first.
    public func audit(
        _ query: AuditQuery, of node: Target, timeout: Interval = patience
    ) async throws(Fault) -> AuditReply {
        try await ask(node, RPCPath.audit, query, timeout)
    }
}
