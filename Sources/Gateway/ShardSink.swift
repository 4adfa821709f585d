import Ground
import Inference
import Synchronization

/// Takes outcomes from workers' threads to a shard's loop: one wake-up for all that came meanwhile.
final class ShardSink: CompletionSink {
    private let waiting = Mutex<[InferenceOutcome]>([])
    private let post: @Sendable (@escaping @Sendable () -> Void) -> Void
    private let deliver: @Sendable (InferenceOutcome) -> Void

    /// - Parameters:
    ///   - post: runs a body on the shard's loop; from any thread.
    ///   - deliver: called on the loop, once for each outcome.
    init(
        post: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void,
        deliver: @escaping @Sendable (InferenceOutcome) -> Void
    ) {
        self.post = post
        self.deliver = deliver
    }

    func completed(_ outcome: InferenceOutcome) {
        let isFirst = waiting.withLock { list in
            list.append(outcome)
            return list.count == 1
        }
        if isFirst { post { self.drain() } }
    }

    private func drain() {
        let outcomes = waiting.withLock { list in
            defer { list = [] }
            return list
        }
        for outcome in outcomes { deliver(outcome) }
    }
}
