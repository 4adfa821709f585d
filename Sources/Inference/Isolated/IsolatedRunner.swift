internal import Ground
internal import Synchronization

/// Runs a model in its engine's process: each worker here waits for the worker of its number there.
final class IsolatedRunner: ModelRunner {
    /// What an engine that serves is known by.
    private struct Run {
        let channel: EngineChannel
        let writer: AnswerWriter
    }

    private let frames: FrameArena
    private let allocator: any SlabAllocator
    private let time: any TimeSource
    private let run = Mutex<Run?>(nil)
    private let copied = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)
    private let violated = Atomic<Bool>(false)
    private let longestNanoseconds = Atomic<Int64>(0)

    /// - Parameter allocator: gives memory of `frames` as long as there is any.
    init(frames: FrameArena, allocator: any SlabAllocator, time: any TimeSource) {
        self.frames = frames
        self.allocator = allocator
        self.time = time
    }

    /// Bytes of frames that were copied because they lay elsewhere.
    var copiedBytes: Int { copied.load(ordering: .relaxed) }
    /// Inferences in a row that failed for no fault of the client.
    var failures: Int { failed.load(ordering: .relaxed) }
    /// How long the longest inference took that this engine ended, since it began.
    var longest: Interval? {
        let longest = longestNanoseconds.load(ordering: .relaxed)
        return longest > 0 ? .nanoseconds(longest) : nil
    }
    /// Whether the engine wrote what it may not write.
    var isViolated: Bool { violated.load(ordering: .relaxed) }

    /// The engine serves from now on.
    func serve(_ channel: EngineChannel, _ plan: ModelPlan) {
        failed.store(0, ordering: .relaxed)
        violated.store(false, ordering: .relaxed)
        longestNanoseconds.store(0, ordering: .relaxed)
        let writer = AnswerWriter(plan: plan, allocator: allocator)
        run.withLock { $0 = Run(channel: channel, writer: writer) }
    }

    /// The engine is gone.
    func rest() { run.withLock { $0 = nil } }

    func run(
        _ input: InferenceInput, worker: Int, times: inout InferenceTimes
    ) throws(Fault) -> InferenceResult {
        guard let run = run.withLock({ $0 }) else {
            throw Fault(.unavailable, "the model's engine does not run now", retry: .elsewhere)
        }
        let start = time.now
        do throws(Fault) {
            let result = try ask(run, input, worker: worker, times: &times)
            failed.store(0, ordering: .relaxed)
            longestNanoseconds.max((time.now - start).nanoseconds, ordering: .relaxed)
            return result
        } catch {
            if Self.isEngines(error) { failed.add(1, ordering: .relaxed) }
            throw error
        }
    }

    /// Whether a fault speaks against the engine, and not against the frame or the node's memory.
    private static func isEngines(_ fault: Fault) -> Bool {
        fault.source != .client && [.unavailable, .inner, .corrupt].contains(fault.code)
    }

    private func ask(
        _ run: Run, _ input: InferenceInput, worker: Int, times: inout InferenceTimes
    ) throws(Fault) -> InferenceResult {
        let plan = run.writer.plan
        let isImage: Bool
        var inputs: [(bytes: Bytes, shape: [Int])]
        switch try plan.check(input) {
        case .image(let file): (isImage, inputs) = (true, [(file, [])])
        case .tensors(let list): (isImage, inputs) = (false, list.map { ($0.bytes, $0.shape) })
        }
        var places: [TensorPlace] = []
        for index in inputs.indices {
            let (offset, shared) = try place(inputs[index].bytes)
            inputs[index].bytes = shared
            places.append(
                TensorPlace(offset: offset, length: shared.count, shape: inputs[index].shape))
        }
        // The memory must live until the engine has answered, or is no more.
        defer { withExtendedLifetime(inputs) {} }
        do throws(Fault) {
            let outputs = try run.channel.ask(
                worker, isImage: isImage, places, outputs: plan.modelOutputs.count, times: &times)
            let start = time.now
            defer { times.postprocess = time.now - start }
            return try run.writer.answer(
                IsolatedOutputs(
                    channel: run.channel, worker: worker, places: outputs,
                    specifications: Array(plan.modelOutputs)))
        } catch {
            if error.code == .corrupt, Self.isEngines(error) {
                violated.store(true, ordering: .relaxed)
            }
            throw error
        }
    }

    /// Where `bytes` lie in the shared memory: as they are, or a copy that is counted.
    private func place(_ bytes: Bytes) throws(Fault) -> (Int, Bytes) {
        if let offset = frames.offset(of: bytes) { return (offset, bytes) }
        guard let slab = allocator.allocate(capacity: bytes.count) else {
            throw Self.noRoom(bytes.count)
        }
        bytes.withUnsafeBytes { from in
            if let start = from.baseAddress {
                slab.base.copyMemory(from: start, byteCount: from.count)
            }
        }
        let copy = Bytes(slab: slab, start: 0, count: bytes.count)
        guard let offset = frames.offset(of: copy) else { throw Self.noRoom(bytes.count) }
        copied.add(bytes.count, ordering: .relaxed)
        return (offset, copy)
    }

    private static func noRoom(_ count: Int) -> Fault {
        Fault(
            .exhausted, "no \(count) bytes of the memory that engines share are free",
            remedy: "try again later, or raise the node's `budget: bytes`",
            retry: .after(.milliseconds(100)))
    }
}

/// What an isolated engine gave: every place of it was checked against its room, and is checked
/// here against the model.
private struct IsolatedOutputs: ModelOutputs {
    let channel: EngineChannel
    let worker: Int
    let places: [TensorPlace]
    let specifications: [TensorSpecification]

    func output<R>(
        _ index: Int, _ body: ([Int], UnsafeRawBufferPointer) throws(Fault) -> R
    ) throws(Fault) -> R {
        let (place, expected) = (places[index], specifications[index])
        let count = elementCount(place.shape)
        let size = count.flatMap { count in
            expected.type.size.map { count.multipliedReportingOverflow(by: $0) }
        }
        guard expected.admits(shape: place.shape), let size, !size.overflow,
            size.partialValue == place.length
        else {
            throw TensorPlace.fault(
                "\(place.length) bytes of shape \(place.shape)", "output \(expected.text)")
        }
        return try body(place.shape, channel.bytes(place, of: worker))
    }
}
