import Ground
import HTTP
import Routing
import Wire

/// Has the frames of a batch inferred by this node, as `batch`: behind whatever is live. Confined
/// to its loop.
final class OwedFrames {
    /// Frames of one batch under way: enough to keep two workers busy, and a small part of what a
    /// node admits.
    static let atOnce = 8
    /// How long a frame may take; its client has long been answered.
    static let patience = Interval.seconds(20)

    private let shard: Shard
    private let access: Access
    private let sender: String
    private var waiting: ArraySlice<(sequence: UInt64, record: EscalationRecord)>
    private var running: [UInt64: OwedFrame] = [:]
    private var outcomes: [UInt64: OwedOutcome] = [:]
    private var isGivenUp = false
    private var isStarting = false
    private var done: (([UInt64: OwedOutcome]) -> Void)?

    /// - Parameter done: hears the outcomes once. Frames that cannot be answered now have none.
    init(
        _ frames: [(sequence: UInt64, record: EscalationRecord)], _ shard: Shard, _ access: Access,
        from sender: String, _ done: @escaping ([UInt64: OwedOutcome]) -> Void
    ) {
        waiting = frames[...]
        self.shard = shard
        self.access = access
        self.sender = sender
        self.done = done
    }

    func start() {
        guard !isStarting else { return }
        isStarting = true
        while !isGivenUp, running.count < Self.atOnce, let next = waiting.popFirst() {
            begin(next.sequence, next.record)
        }
        isStarting = false
        guard running.isEmpty, waiting.isEmpty || isGivenUp, let done else { return }
        self.done = nil
        done(outcomes)
    }

    /// Nobody waits for the answers any more.
    func cancel() {
        isGivenUp = true
        done = nil
        for frame in running.values { frame.cancel(in: shard) }
        running = [:]
    }

    private func begin(_ sequence: UInt64, _ record: EscalationRecord) {
        let frame = OwedFrame { [weak self] in self?.ended(sequence, $0) }
        running[sequence] = frame
        do throws(Fault) {
            var request = try InferRequest.decode(record.request)
            request.parameters["canopy.class"] = .string(WorkClass.batch.rawValue)
            request.parameters["canopy.mode"] = .string(Mode.wait.rawValue)
            request.parameters["timeout"] = .int64(Self.patience.nanoseconds / 1_000)
            if request.parameters["canopy.via"] == nil {
                request.parameters["canopy.via"] = .string(sender)
            }
            let work = try access.work(for: request, in: shard, timeout: nil, trace: nil)
            frame.id = shard.submit(request, work, to: frame)
        } catch {
            frame.refuse(error)
        }
    }

    private func ended(_ sequence: UInt64, _ result: Result<InferResponse, Fault>) {
        guard running.removeValue(forKey: sequence) != nil else { return }
        switch result {
        case .success(let response): outcomes[sequence] = .answered(response, at: shard.time.wall)
        case .failure(let fault) where fault.isTemporary: isGivenUp = true
        case .failure(let fault): outcomes[sequence] = .failed(fault.message)
        }
        start()
    }
}

/// One frame of a batch.
final class OwedFrame: FrameResponder {
    let takesLaterAnswers = false
    var id: FrameID?
    private var done: ((Result<InferResponse, Fault>) -> Void)?

    init(_ done: @escaping (Result<InferResponse, Fault>) -> Void) { self.done = done }

    func reply(_ response: InferResponse, final: Bool) { end(.success(response)) }

    func refuse(_ fault: Fault) { end(.failure(fault)) }

    func cancel(in shard: Shard) {
        done = nil
        if let id { shard.cancel(id) }
    }

    private func end(_ result: Result<InferResponse, Fault>) {
        guard let done else { return }
        self.done = nil
        done(result)
    }
}

extension Fault {
    /// Whether the same frame may have an answer later: the node is full, drains, or has no model
    /// yet.
    fileprivate var isTemporary: Bool {
        code == .exhausted || code == .unavailable || code == .deadline || code == .cancelled
    }
}
