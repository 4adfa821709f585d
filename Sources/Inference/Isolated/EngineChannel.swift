internal import Ground
internal import Synchronization

/// The node's end of the memory that it shares with one run of an isolated engine.
///
/// Every run has a channel of its own, so that what is left of an earlier one writes nowhere that
/// anybody reads. A request has a number; only an answer of that number counts. All that the engine
/// writes is read once, checked, and copied out before it means anything.
final class EngineChannel: @unchecked Sendable {
    let memory: SharedMemory
    private let workers: Int
    /// By worker: the number of the last request. Only that worker's thread touches it.
    private let numbers: UnsafeMutableBufferPointer<UInt32>
    private let isOver = Atomic<Bool>(false)

    /// How often a waiting worker looks whether the run is over, were its wake-up lost.
    private static let patience = Interval.milliseconds(50)

    init(_ order: EngineOrder) throws(Fault) {
        workers = order.workers
        let json = order.json
        guard json.count <= ChannelLayout.orderRoom else {
            throw Fault(
                .unsupported,
                "the order of \(order.id.short) has \(json.count) bytes; an isolated engine takes "
                    + "\(ChannelLayout.orderRoom)",
                remedy: "run the model in the node's process (`engine: in-process`)")
        }
        memory = try SharedMemory("canopy-engine", size: ChannelLayout.size(workers: workers))
        numbers = .allocate(capacity: workers)
        numbers.initialize(repeating: 0)
        UnsafeMutableRawBufferPointer(
            start: memory.base + ChannelLayout.order, count: json.count
        ).copyBytes(from: json)
        memory.word(at: ChannelLayout.orderLength).set(UInt32(json.count))
    }

    deinit { numbers.deallocate() }

    // MARK: The run

    /// What the engine says of itself; `nil` when that is nothing that it may say.
    var phase: EnginePhase? {
        EnginePhase(rawValue: memory.word(at: ChannelLayout.phase).value)
    }

    /// Waits while the engine starts, at most so long.
    func awaitStart(atMost limit: Interval) {
        memory.word(at: ChannelLayout.phase).wait(
            while: EnginePhase.starting.rawValue, atMost: limit)
    }

    /// Changes while the engine's process gets time to run.
    var beat: UInt32 { memory.word(at: ChannelLayout.beat).value }

    /// Asks the engine to end.
    func stop() { memory.word(at: ChannelLayout.stop).set(1) }

    /// The engine's process is gone or will be: whoever waits for an answer hears so.
    func end() {
        isOver.store(true, ordering: .sequentiallyConsistent)
        memory.word(at: ChannelLayout.phase).wake()
        for worker in 0..<workers {
            let response = response(worker)
            // Another value, so that a worker on its way to sleep does not.
            response.add(1 << 30)
            response.wake()
        }
    }

    /// What the engine reports: its model's inputs and outputs, or why it cannot serve.
    func report() throws(Fault) -> EngineReport {
        let stated = Int(memory.word(at: ChannelLayout.reportLength).value)
        let start = memory.base + ChannelLayout.report
        guard phase == .serving else { throw FaultRecord.read(start) }
        let count = min(stated, ChannelLayout.reportRoom)
        return try EngineReport(json: Array(UnsafeRawBufferPointer(start: start, count: count)))
    }

    // MARK: Requests

    /// Hands a worker of the engine a request and waits for the answer.
    ///
    /// - Parameters:
    ///   - places: where the model's inputs, or the one image, lie in the frames' memory.
    ///   - outputs: how many outputs the model has.
    /// - Returns: where the outputs lie in the worker's room.
    /// - Throws: the engine's fault; `.unavailable` when its run is over; `.corrupt` when it wrote
    ///   what it may not write.
    func ask(
        _ worker: Int, isImage: Bool, _ places: [TensorPlace], outputs: Int,
        times: inout InferenceTimes
    ) throws(Fault) -> [TensorPlace] {
        let slot = memory.base + ChannelLayout.slot(worker)
        let before = numbers[worker]
        let number = before &+ 1
        numbers[worker] = number
        (slot + ChannelLayout.job).storeBytes(of: isImage ? 1 : 0, as: Int64.self)
        PlaceList.write(places, to: slot + ChannelLayout.job + 8)
        memory.word(at: ChannelLayout.slot(worker) + ChannelLayout.request).set(number)
        try awaitResponse(worker, number, before)
        let answer = slot + ChannelLayout.answer
        func word(_ index: Int) -> Int64 {
            answer.load(fromByteOffset: 8 * index, as: Int64.self)
        }
        times.preprocess = .nanoseconds(max(0, word(1)))
        times.infer = .nanoseconds(max(0, word(2)))
        if word(0) != 0 { throw FaultRecord.read(slot) }
        return try PlaceList.read(
            slot + ChannelLayout.answerPlaces, count: outputs, room: ChannelLayout.answerRoom)
    }

    /// A part of a worker's room; `place` was read by `ask`.
    func bytes(_ place: TensorPlace, of worker: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: memory.base + ChannelLayout.answers(worker, of: workers) + place.offset,
            count: place.length)
    }

    private func awaitResponse(
        _ worker: Int, _ number: UInt32, _ before: UInt32
    ) throws(Fault) {
        let response = response(worker)
        while true {
            let value = response.value
            if isOver.load(ordering: .sequentiallyConsistent) {
                throw Fault(
                    .unavailable, "the model's engine ended during the inference",
                    retry: .elsewhere)
            }
            if value == number { return }
            guard value == before else {
                throw TensorPlace.fault("answer \(value)", "\(number), the request's number,")
            }
            response.wait(while: value, atMost: Self.patience)
        }
    }

    private func response(_ worker: Int) -> SharedWord {
        memory.word(at: ChannelLayout.slot(worker) + ChannelLayout.response)
    }
}
