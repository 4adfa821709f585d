public import Ground
public import Wire

extension ControlClient {
    /// Receipts that a node holds, one page of them, the newest first.
    public func receipts(
        _ query: ReceiptsQuery, of node: Target, timeout: Interval = patience
    ) async throws(Fault) -> ReceiptsPage {
        try await ask(node, RPCPath.receipts, query, timeout)
    }
}
