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
}
