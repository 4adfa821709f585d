import EventLoop
import Ground
import Node
import Routing
import Wire

extension Shard {
    /// Keeps what is owed from now on.
    func keep(in spool: SpoolLink, _ status: OwingStatus, loop: Int) {
        self.spool = spool
        owingStatus = (status, loop)
    }

    /// Tells the spool how the loop is. Called every tick.
    func noteOwing() {
        guard let owingStatus else { return }
        owingStatus.status.note(
            loop: owingStatus.loop, waiting: admission.waitingRealtime, isReady: isReady)
    }

    /// Hands a frame to the spool, and says when it is safe there.
    func owe(_ frame: Frame, _ reason: DegradedReason) {
        guard let spool else { return hear(.frame(frame.id, .kept(false))) }
        let task = tasks[frame.task]
        var told = Answers.local(frame, task: task, node: names)
        told.parameters["canopy.accepted"] = .bool(false)
        told.parameters["canopy.degraded"] = .string(reason.rawValue)
        let request = frame.escalation(
            isCanopy: true, model: task.name, via: names.name, remaining: FrameWork.longestDeadline)
        let receipt = frame.receipt ?? receipts.name()
        let owed = EscalationRecord(
            receipt: receipt, request: joined(request.encode()),
            answer: ResultRecord(frame, task, told: told, time: time))
        let record = OwedRecord(
            at: time.wall, clock: spool.clock(time.wall), body: .escalation(owed))
        let (id, shard) = (frame.id, LoopConfined(WeakShard(shard: self), to: loop.poster))
        metrics.owed(task: frame.task)
        let promise = ReceiptBook.Promise(
            id: receipt, task: task.name, request: frame.request.id, at: time.wall)
        spool.append(.escalation, record.encode(), receipt: promise) { isKept in
            shard.post { $0.shard?.heard(of: id, receipt: receipt, isKept: isKept) }
        }
    }

    private func heard(of id: FrameID, receipt: String, isKept: Bool) {
        if isKept, let frame = frame(id) {
            frame.receipt = receipt
            frame.isOwed = true
            if let item = frame.responder as? StreamItem, frame.isRefining(tasks[frame.task]) {
                owedStreams.add(item, receipt: receipt)
            }
        }
        hear(.frame(id, .kept(isKept)))
    }

    /// Keeps a record of what the client was told.
    func keepRecord(of frame: Frame) {
        guard let spool, let told = frame.told else { return }
        frame.told = nil
        let result = ResultRecord(frame, tasks[frame.task], told: told, time: time)
        let record = OwedRecord(at: time.wall, clock: spool.clock(time.wall), body: .result(result))
        spool.append(.result, record.encode())
    }

    /// The answer to a frame that was owed has come: whoever still has the stream open hears it.
    func settled(_ receipt: String, _ response: Bytes) {
        guard let item = owedStreams.take(receipt),
            var response = try? InferResponse.decode(response)
        else { return }
        response.parameters["canopy.receipt"] = .string(receipt)
        item.later(response)
    }

    private func joined(_ parts: [Bytes]) -> Bytes {
        let slab = Slab(capacity: parts.reduce(0) { $0 + $1.count })
        var count = 0
        for part in parts where part.count > 0 {
            part.withUnsafeBytes {
                (slab.base + count).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
            }
            count += part.count
        }
        return Bytes(slab: slab, start: 0, count: count)
    }
}

extension Frame {
    /// Whether its client takes a later answer.
    func isRefining(_ task: TaskRuntime) -> Bool { (options.mode ?? task.mode) == .refine }
}

/// Streams whose frames are owed an answer, by receipt.
struct OwedStreams {
    /// Frames that are remembered: two minutes of a camera that is unsure of all. The answer of an
    /// older one is found by its receipt.
    static let most = 4_096

    private var items: [String: StreamItem] = [:]
    /// In the order of their coming; those that are settled stay until they are the oldest.
    private var order: [String] = []
    private var first = 0

    mutating func add(_ item: StreamItem, receipt: String) {
        items[receipt] = item
        order.append(receipt)
        while order.count - first > Self.most {
            items[order[first]] = nil
            first += 1
        }
        if first >= Self.most {
            order.removeFirst(first)
            first = 0
        }
    }

    /// The stream's part of a frame, once; `nil` when nobody waits for it there.
    mutating func take(_ receipt: String) -> StreamItem? { items.removeValue(forKey: receipt) }
}
