public import Ground
internal import Synchronization
public import Wire

/// A `CameraStream` for `async` code: outcomes are read as a sequence.
public final class CameraFeed: Sendable {
    private let stream: CameraStream
    /// What became of the frames, for one reader: answers in the frames' order. It ends after
    /// `finish`, when all have their last outcome.
    public let outcomes: FrameOutcomes

    init(_ stream: CameraStream, _ outcomes: FrameOutcomes) {
        self.stream = stream
        self.outcomes = outcomes
    }

    public var name: String { stream.name }

    /// Sends one frame; see `CameraStream.send`.
    ///
    /// - Throws: also `exhausted` when `FrameOutcomes.mostUnread` outcomes wait for their reader.
    @discardableResult
    public func send(_ frame: Frame) throws(Fault) -> Int {
        guard outcomes.unread < FrameOutcomes.mostUnread else {
            throw Fault(
                .exhausted, "\(outcomes.unread) outcomes of '\(name)' were not read",
                remedy: "read `outcomes` while sending")
        }
        return try stream.send(frame)
    }

    /// Sends a whole JPEG or PNG file.
    @discardableResult
    public func send(picture: [UInt8], input: String = "image") throws(Fault) -> Int {
        try send(Frame(task: stream.task, picture: picture, input: input))
    }

    /// Sends a frame of tensors.
    @discardableResult
    public func send(inputs: [InferTensor]) throws(Fault) -> Int {
        try send(Frame(task: stream.task, inputs: inputs))
    }

    /// Says that no frame follows.
    public func finish() { stream.finish() }

    /// Gives up every frame that has no last outcome yet.
    public func cancel() { stream.cancel() }
}

/// What became of a camera's frames, for one reader.
public final class FrameOutcomes: AsyncSequence, Sendable {
    /// Outcomes that wait for the reader before no more frames are taken; those of frames under
    /// way come on top. A thousand is half a minute of a camera.
    public static let mostUnread = 1_000

    private let source: AsyncStream<FrameOutcome>
    private let sink: AsyncStream<FrameOutcome>.Continuation
    private let waiting = Atomic<Int>(0)

    init() { (source, sink) = AsyncStream.makeStream() }

    /// Outcomes that were not read yet.
    var unread: Int { waiting.load(ordering: .relaxed) }

    func yield(_ outcome: FrameOutcome) {
        waiting.add(1, ordering: .relaxed)
        sink.yield(outcome)
    }

    func finish() { sink.finish() }

    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    public struct Iterator: AsyncIteratorProtocol {
        private let outcomes: FrameOutcomes
        private var source: AsyncStream<FrameOutcome>.Iterator

        init(_ outcomes: FrameOutcomes) {
            self.outcomes = outcomes
            source = outcomes.source.makeAsyncIterator()
        }

        public mutating func next() async -> FrameOutcome? {
            guard let outcome = await source.next() else { return nil }
            outcomes.waiting.subtract(1, ordering: .relaxed)
            return outcome
        }
    }
}
