import EventLoop
import Ground
import Logging
import Records
import Wire

/// Keeps frames that a leaf was unsure of and that were answered here, to learn from. They are
/// written off the loop, many at a time; what comes faster than the disk takes it is passed over,
/// since it is a sample in any case. Confined to its loop.
final class LiveFrames {
    /// Frames that wait for the disk: two seconds of a leaf's escalations, of which a disk that
    /// syncs each file writes some hundred a second.
    static let most = 64
    /// Bytes of them: a second's pictures of four cameras, and little beside a request budget.
    static let mostBytes = 8 << 20

    private let store: RecordStore
    private let loop: Loop
    private let log: Logger
    private var waiting: [LiveFrame] = []
    private var bytes = 0
    private var isWriting = false
    private var failure: String?

    init(_ store: RecordStore, on loop: Loop, _ log: Logger) {
        self.store = store
        self.loop = loop
        self.log = log
    }

    /// Takes a frame that another node sent, when that says what it had answered itself.
    func add(_ frame: Frame, _ task: TaskRuntime) {
        guard task.mayLeave, waiting.count < Self.most,
            let label = frame.request.parameters.string(UnsureAnswer.label),
            let entry = frame.options.via.first
        else { return }
        let size = frame.request.payloadBytes
        guard bytes + size <= Self.mostBytes else { return }
        let options = frame.options
        var below = Answer(
            task: task.name,
            frame: options.stream.flatMap { stream in
                options.sequence.map { FrameName(stream: stream, sequence: UInt64($0)) }
            },
            tier: .leaf, node: entry,
            bundle: frame.request.parameters.string(UnsureAnswer.bundle).flatMap { Digest($0) },
            label: label, confidence: frame.request.parameters.number(UnsureAnswer.confidence),
            answeredAt: loop.time.wall)
        // As the record of it names it: see `ResultRecord`.
        if below.frame == nil { below.input = frame.request.inputHash }
        bytes += size
        waiting.append(LiveFrame(below: below, payload: frame.request.encode().flatMap(\.array)))
        write()
    }

    private func write() {
        guard !isWriting, !waiting.isEmpty else { return }
        let (store, frames, now) = (store, waiting, loop.time.wall)
        waiting = []
        bytes = 0
        isWriting = true
        do throws(Fault) {
            try loop.offLoop {
                Result { () throws(Fault) in try store.keep(frames, now: now) }
            } completion: { [self] (result: Result<Int, Fault>) in
                ended(result)
            }
        } catch {
            ended(.failure(error))
        }
    }

    private func ended(_ result: Result<Int, Fault>) {
        isWriting = false
        switch result {
        case .success: failure = nil
        case .failure(let fault):
            // Each reason when it is new: a full disk would fill the log too.
            if failure != fault.message {
                log.warning("frames to learn from are not kept: \(fault)")
            }
            failure = fault.message
        }
        write()
    }
}
