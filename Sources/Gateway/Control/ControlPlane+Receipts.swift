import EventLoop
import Ground
import Node
import Topology
import Wire

extension ControlPlane {
    /// What the node has promised for frames that are owed an answer.
    ///
    /// - Throws: `precondition` when it keeps nothing that it owes.
    func receipts(
        _ query: ReceiptsQuery, on loop: Loop,
        _ completion: @escaping (Result<ReceiptsPage, Fault>) -> Void
    ) throws(Fault) {
        let (context, now) = (context, loop.time.now)
        let name = context.names.name
        // Later answers of frames that were not owed are in memory, and asked for by name alone.
        let here =
            query.receipt.isEmpty
            ? nil : context.receipts.state(of: query.receipt, now: now)
        guard let spool = context.spool.link else {
            guard query.receipt.isEmpty else {
                return completion(Self.page(name, ReceiptsPage(), query, here))
            }
            throw Fault(
                .precondition, "node \(name) keeps nothing that it owes", source: .client,
                remedy: "ask a node with `budget: { spool: … }` and a node above that takes it")
        }
        let back = LoopConfined(completion, to: loop.poster)
        spool.receipts(query) { result in
            back.post { completion in
                completion(
                    result.flatMap { page in Self.page(name, page, query, here) })
            }
        }
    }

    /// The page of the node's book, with what is known of the one receipt that was asked for.
    private static func page(
        _ name: String, _ page: ReceiptsPage, _ query: ReceiptsQuery, _ here: Receipts.State?
    ) -> Result<ReceiptsPage, Fault> {
        var page = page
        page.node = name
        guard !query.receipt.isEmpty, page.receipts.isEmpty else { return .success(page) }
        var status = ReceiptStatus()
        status.receipt = query.receipt
        switch here {
        case .pending: status.state = .open
        case .settled: status.state = .settled
        case .tooLarge(let bytes):
            status.state = .failed
            status.error = "the answer has \(bytes) bytes, \(Receipts.largest) at most are kept"
        case nil:
            return .failure(
                Fault(
                    .notFound, "node \(name) has no receipt '\(query.receipt.prefix(60))'",
                    source: .client, remedy: "ask the node that gave it, before it is forgotten"))
        }
        page.receipts = [status]
        return .success(page)
    }
}
