internal import EventLoop
public import Ground
internal import Synchronization

extension CanopyClient {
    /// Opens a camera's stream. Its frames follow the client from node to node.
    ///
    /// - Parameters:
    ///   - name: the camera's, 1 to 200 bytes; no other open stream of this client has it.
    ///   - heard: what became of a frame, on the client's thread: answers in the frames' order.
    /// - Throws: `invalid` for a wrong name or bounds below 1, `exhausted` past 64 cameras for each
    ///   connection, `cancelled` when the client is closed.
    public func stream(
        _ name: String, task: String, options: StreamOptions = StreamOptions(),
        _ heard: @escaping @Sendable (FrameOutcome) -> Void
    ) throws(Fault) -> CameraStream {
        try open(name, task, options, heard: heard, ended: {})
    }

    /// Opens a camera's stream whose outcomes are read as a sequence.
    ///
    /// ```swift
    /// let camera = try client.stream("cam-1", task: "meter-digits")
    /// try camera.send(picture: jpeg)
    /// camera.finish()
    /// for await outcome in camera.outcomes { print(outcome.answer?.label ?? "–") }
    /// ```
    public func stream(
        _ name: String, task: String, options: StreamOptions = StreamOptions()
    ) throws(Fault) -> CameraFeed {
        let outcomes = FrameOutcomes()
        let stream = try open(
            name, task, options, heard: outcomes.yield, ended: outcomes.finish)
        return CameraFeed(stream, outcomes)
    }

    private func open(
        _ name: String, _ task: String, _ options: StreamOptions,
        heard: @escaping @Sendable (FrameOutcome) -> Void,
        ended: @escaping @Sendable () -> Void
    ) throws(Fault) -> CameraStream {
        guard (1...Cameras.longestName).contains(name.utf8.count) else {
            throw Fault(
                .invalid,
                "a camera's name has \(name.utf8.count) bytes, expected 1 to "
                    + "\(Cameras.longestName)")
        }
        guard options.frames >= 1, options.bytes >= 1, options.firstSequence >= 0 else {
            throw Fault(
                .invalid,
                "a stream of \(options.frames) frames, \(options.bytes) bytes and a first number of"
                    + " \(options.firstSequence) came; expected at least 1, 1 and 0")
        }
        let cameras = cameras
        try cameras.enter(name)
        do throws(Fault) {
            return try CameraStream(
                name, task: task, options, on: roamer, heard: heard,
                ended: {
                    cameras.leave(name)
                    ended()
                })
        } catch {
            cameras.leave(name)
            throw error
        }
    }

    /// Hears, on the client's thread, where frames go, and each time that they go to another node
    /// or nowhere.
    public func onMove(_ body: @escaping @Sendable (Move) -> Void) {
        roamer.post { $0.watch(body) }
    }

    /// What the client knows at this moment; `nil` when it is closed.
    public func status() async -> ClientStatus? {
        await withCheckedContinuation { continuation in
            let posted = roamer.post { continuation.resume(returning: $0.status) }
            if !posted { continuation.resume(returning: nil) }
        }
    }
}

/// The cameras of one client.
final class Cameras: Sendable {
    /// A connection carries 100 calls: one of each camera, a second one while it moves, probes.
    static let eachConnection = 64
    /// A frame's id is the name and a number, and a node takes 256 bytes of it.
    static let longestName = 200

    private let names = Mutex<Set<String>>([])
    private let most: Int

    init(most: Int) { self.most = most }

    func enter(_ name: String) throws(Fault) {
        let fault: Fault? = names.withLock { names in
            if names.contains(name) {
                return Fault(
                    .invalid, "the camera '\(name)' has a stream already",
                    remedy: "finish it and wait for its end, or use another name")
            }
            guard names.count < most else {
                return Fault(
                    .exhausted, "\(names.count) cameras are open, as many as may",
                    remedy: "allow more connections, or make another client")
            }
            names.insert(name)
            return nil
        }
        if let fault { throw fault }
    }

    func leave(_ name: String) { names.withLock { _ = $0.remove(name) } }
}
