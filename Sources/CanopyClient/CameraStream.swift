internal import EventLoop
public import Ground
internal import Routing
internal import Synchronization
public import Wire

/// One camera's frames, wherever its client finds a node for them. May be used from any thread.
///
/// Every frame has one last outcome, told on the client's thread: answers come in the order in
/// which frames were sent, drops at once. A stream that is dropped takes no more frames, and those
/// under way still have their outcomes. It does not keep its client open.
public final class CameraStream: Sendable {
    private struct State {
        var next: Int
        var isFinished = false
    }

    /// What a frame takes beside its tensors: names, parameters and what is noted of it.
    static let overhead = 512

    public let name: String
    public let task: String
    private let options: StreamOptions
    private let state: Mutex<State>
    private let gauge: Gauge
    private let lane: LoopConfined<LaneBox>

    /// Holds the lane from when the loop has made it, which is before the first frame comes there.
    private final class LaneBox {
        var lane: CameraLane?
    }

    init(
        _ name: String, task: String, _ options: StreamOptions, on roamer: LoopConfined<Roamer>,
        heard: @escaping @Sendable (FrameOutcome) -> Void, ended: @escaping @Sendable () -> Void
    ) throws(Fault) {
        self.name = name
        self.task = task
        self.options = options
        state = Mutex(State(next: options.firstSequence))
        lane = LoopConfined(LaneBox(), to: roamer.poster)
        let (box, gauge) = (lane, Gauge())
        self.gauge = gauge
        let isOpen = roamer.post { roamer in
            let made = CameraLane(
                name, options, on: roamer,
                heard: { outcome, bytes in
                    if outcome.isLast { gauge.give(bytes) }
                    heard(outcome)
                }, ended: ended)
            box.onLoop.lane = made
            roamer.add(made)
        }
        guard isOpen else { throw CanopyClient.closed }
    }

    /// What is in the stream, counted where the camera is, before the loop has heard of it.
    private final class Gauge: Sendable {
        private let held = Mutex((frames: 0, bytes: 0))

        /// Whether so much fits below the bounds; then it is taken.
        func take(_ bytes: Int, frames: Int, bytes most: Int) -> Bool {
            held.withLock { held in
                guard held.frames < frames, held.bytes + bytes <= most else { return false }
                held.frames += 1
                held.bytes += bytes
                return true
            }
        }

        func give(_ bytes: Int) {
            held.withLock { held in
                held.frames -= 1
                held.bytes -= bytes
            }
        }
    }

    /// Sends one frame.
    ///
    /// - Parameter frame: its `task`, `id`, `stream` and `sequence` are the stream's to say.
    /// - Returns: the frame's number, under which its outcome comes.
    /// - Throws: `precondition` after `finish`, `cancelled` when the client is closed, `exhausted`
    ///   when the buffer is full and its rule is to reject. Then the frame has no number.
    @discardableResult
    public func send(_ frame: Frame) throws(Fault) -> Int {
        let bytes = frame.inputs.reduce(Self.overhead) { $0 + $1.contents.count }
        // With another rule the loop makes room; twice the bounds are in here only when it hangs.
        let slack = options.whenFull == .reject ? 1 : 2
        let result: Result<Int, Fault> = state.withLock { state in
            if state.isFinished { return .failure(finished) }
            guard
                gauge.take(bytes, frames: options.frames * slack, bytes: options.bytes * slack)
            else { return .failure(full) }
            let number = state.next
            guard post(frame, number, bytes) else {
                gauge.give(bytes)
                return .failure(CanopyClient.closed)
            }
            state.next += 1
            return .success(number)
        }
        return try result.get()
    }

    /// Sends a whole JPEG or PNG file.
    ///
    /// - Parameter input: the name of the task's input, as `CanopyClient.input(of:)` says it.
    @discardableResult
    public func send(picture: [UInt8], input: String = "image") throws(Fault) -> Int {
        try send(Frame(task: task, picture: picture, input: input))
    }

    /// Sends a frame of tensors.
    @discardableResult
    public func send(inputs: [InferTensor]) throws(Fault) -> Int {
        try send(Frame(task: task, inputs: inputs))
    }

    /// Under the lock, so that frames reach the loop in the order of their numbers.
    private func post(_ frame: Frame, _ number: Int, _ bytes: Int) -> Bool {
        var frame = frame
        frame.task = task
        frame.stream = name
        frame.sequence = number
        frame.id = FrameName.id(name, number)
        let (request, timeout) = (frame.request, frame.timeout)
        return lane.post { box in
            box.lane?.offer(request, number, bytes: bytes, timeout: timeout)
        }
    }

    private var finished: Fault {
        Fault(.precondition, "the stream '\(name)' is finished and takes no more frames")
    }

    private var full: Fault {
        Fault(
            .exhausted,
            "the stream '\(name)' holds \(options.frames) frames or \(options.bytes) bytes without"
                + " an answer, as many as it may", remedy: "send fewer, or wait for answers",
            retry: .after(.milliseconds(100)))
    }

    /// Says that no frame follows; the stream ends when all have their last outcome.
    public func finish() {
        let isFirst = state.withLock { state in
            defer { state.isFinished = true }
            return !state.isFinished
        }
        if isFirst { lane.post { $0.lane?.finish() } }
    }

    /// Gives up every frame that has no last outcome yet: each ends as `cancelled`.
    public func cancel() {
        state.withLock { $0.isFinished = true }
        let name = name
        lane.post { $0.lane?.abandon(Fault(.cancelled, "the stream '\(name)' was given up")) }
    }

    deinit { finish() }
}
