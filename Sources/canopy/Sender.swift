import CanopyClient
import Ground
import Routing
import Synchronization
import Wire

/// How frames are sent.
struct SendPlan: Sendable {
    let task: String
    let streams: Int
    /// Frames a second of each stream; `nil` sends as fast as answers come.
    let rate: Double?
    let mode: Mode
    let workClass: WorkClass
    let accept: Double?
    let timeout: Interval
    let limit: Int
}

/// Sends the frames of a source through a client, dealt to streams, and tells the report.
struct Sender: Sendable {
    /// Frames under way on one stream: a camera that is further ahead waits, so that a node which
    /// hangs does not fill this machine.
    static let mostUnderWay = 64
    /// Frames under way on one stream when no rate is stated.
    static let depth = 4

    private let client: CanopyClient
    private let report: SendReport
    private let plan: SendPlan

    init(_ client: CanopyClient, report: SendReport, plan: SendPlan) {
        self.client = client
        self.report = report
        self.plan = plan
    }

    /// Sends everything and waits for every last answer.
    func send(_ source: any FrameSource) async throws(Fault) {
        let dealer = Dealer(source, limit: plan.limit)
        let outcome = await withTaskGroup(of: Fault?.self) { group in
            for number in 1...plan.streams {
                group.addTask { await camera(number, dealer) }
            }
            var first: Fault?
            for await fault in group { first = first ?? fault }
            return first
        }
        if let outcome { throw outcome }
    }

    /// One camera: sends at its rate, on time, whether answers have come or not.
    private func camera(_ number: Int, _ dealer: Dealer) async -> Fault? {
        let gate = Gate(plan.rate == nil ? Self.depth : Self.mostUnderWay)
        let stream = plan.mode == .refine ? RefiningStream(client, report, gate) : nil
        let start = ContinuousClock.now
        var sequence = 0
        var fault: Fault?
        do throws(Fault) {
            while let frame = try await dealer.next() {
                if let rate = plan.rate {
                    let due = start.advanced(by: .seconds(Double(sequence) / rate))
                    try? await Task.sleep(until: due, clock: .continuous)
                }
                await gate.enter()
                let sent = SentFrame(frame, camera: number, sequence: sequence)
                let request = request(sent)
                sequence += 1
                if let stream { stream.send(sent, request) } else { ask(sent, request, gate) }
            }
        } catch {
            fault = error
        }
        stream?.finish()
        await gate.wait()
        return fault
    }

    private func ask(_ frame: SentFrame, _ request: InferRequest, _ gate: Gate) {
        let report = report
        client.infer(request, timeout: plan.timeout) { result in
            report.add(frame, result.map { FrameAnswer($0) }, isFinal: true)
            gate.leave()
        }
    }

    private func request(_ sent: SentFrame) -> InferRequest {
        var frame = Frame(task: plan.task, id: sent.id, inputs: [sent.frame.input])
        frame.workClass = plan.workClass
        frame.mode = plan.mode
        frame.stream = "camera-\(sent.camera)"
        frame.sequence = sent.sequence
        frame.timeout = plan.timeout
        frame.accept = plan.accept
        return frame.request
    }
}

/// A frame on its way.
struct SentFrame: Sendable {
    let frame: SourceFrame
    let camera: Int
    let sequence: Int
    let sentAt = ContinuousClock.now
    var id: String { "\(camera)-\(sequence)" }

    init(_ frame: SourceFrame, camera: Int, sequence: Int) {
        self.frame = frame
        self.camera = camera
        self.sequence = sequence
    }
}

/// Gives each frame of a source to one camera.
private actor Dealer {
    private let source: any FrameSource
    private var left: Int

    init(_ source: any FrameSource, limit: Int) {
        self.source = source
        left = limit
    }

    func next() async throws(Fault) -> SourceFrame? {
        guard left > 0 else { return nil }
        left -= 1
        return try await source.next()
    }
}

/// Lets so many in at a time, and tells when all have left.
final class Gate: Sendable {
    private struct State {
        var inside = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
        var atEnd: CheckedContinuation<Void, Never>?
    }

    private let limit: Int
    private let state = Mutex(State())

    init(_ limit: Int) { self.limit = limit }

    func enter() async {
        await withCheckedContinuation { continuation in
            let goes = state.withLock { state in
                guard state.inside < limit else {
                    state.waiting.append(continuation)
                    return false
                }
                state.inside += 1
                return true
            }
            if goes { continuation.resume() }
        }
    }

    func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            state.inside -= 1
            guard state.inside == 0, let atEnd = state.atEnd else { return nil }
            state.atEnd = nil
            return atEnd
        }
        next?.resume()
    }

    /// Waits until nobody is inside. Call it once, when nobody enters any more.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.inside > 0 { state.atEnd = continuation }
                return state.inside == 0
            }
            if isEmpty { continuation.resume() }
        }
    }
}

/// A camera's stream whose frames are answered twice. When it ends before its time, what is under
/// way has failed, and the next frame opens another one, as a camera would.
private final class RefiningStream: Sendable {
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
