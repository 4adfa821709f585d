import CanopyClient
import Ground
import Synchronization
import Wire

/// A camera's stream whose frames are answered twice. When it ends before its time, what is under
/// way has failed, and the next frame opens another one, as a camera would.
final class RefiningStream: Sendable {
    private struct State {
        /// Frames without their last answer, by id.
        var open: [String: SentFrame] = [:]
        /// `nil` before the first frame and after an end. It holds us until then.
        var stream: FrameStream?
        /// Streams that have ended: one may do so before it is noted here.
        var ends = 0
    }

    private let client: CanopyClient
    private let report: SendReport
    private let gate: Gate
    private let state = Mutex(State())

    init(_ client: CanopyClient, _ report: SendReport, _ gate: Gate) {
        self.client = client
        self.report = report
        self.gate = gate
    }

    /// Sends a frame; for one task at a time.
    func send(_ frame: SentFrame, _ request: InferRequest) {
        let (present, ends) = state.withLock { state in
            state.open[frame.id] = frame
            return (state.stream, state.ends)
        }
        if let present { return present.send(request) }
        let made = client.stream(
            answered: { [self] in answered($0) }, ended: { [self] in ended($0) })
        state.withLock { if $0.ends == ends { $0.stream = made } }
        made.send(request)
    }

    func finish() { state.withLock { $0.stream }?.finish() }

    private func answered(_ answer: StreamResponse) {
        guard let response = answer.response else { return }
        let isFinal =
            !answer.error.isEmpty || response.parameters.bool("triton_final_response") ?? true
        let frame = state.withLock { state in
            isFinal ? state.open.removeValue(forKey: response.id) : state.open[response.id]
        }
        guard let frame else { return }
        let result: Result<FrameAnswer, Fault> =
            answer.error.isEmpty
            ? .success(FrameAnswer(response))
            : .failure(Fault(.unavailable, answer.error, source: .peer))
        report.add(frame, result, isFinal: isFinal)
        if isFinal { gate.leave() }
    }

    private func ended(_ fault: Fault?) {
        let left = state.withLock { state in
            defer { state = State(ends: state.ends + 1) }
            return Array(state.open.values)
        }
        let reason = fault ?? Fault(.unavailable, "the stream ended before the answer")
        for frame in left {
            report.add(frame, .failure(reason), isFinal: true)
            gate.leave()
        }
    }
}
