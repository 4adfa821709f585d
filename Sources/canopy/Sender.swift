import CanopyClient
import Ground
import Routing
import Synchronization
import Wire

/// How frames are sent.
struct SendPlan: Sendable {
    let task: String
    let streams: Int
    /// A stream is called by this and its number.
    let name: String
    /// Frames a second of each stream; `nil` sends as fast as answers come.
    let rate: Double?
    let mode: Mode
    let workClass: WorkClass
    let accept: Double?
    let timeout: Interval
    let limit: Int
    /// How each stream follows the nearest of several nodes; `nil` for one node.
    let roaming: StreamOptions?
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
                group.addTask {
                    await plan.roaming == nil
                        ? camera(number, dealer) : roamingCamera(number, dealer)
                }
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
                await waitUntilDue(sequence, since: start)
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

    /// As `camera`, to the nearest of several nodes. With a rate nothing holds it back: what is not
    /// answered in time fills its buffer, whose rule says what is dropped.
    private func roamingCamera(_ number: Int, _ dealer: Dealer) async -> Fault? {
        let gate = Gate(plan.rate == nil ? Self.depth : .max)
        let start = ContinuousClock.now
        var offered = 0
        do throws(Fault) {
            let stream = try RoamingStream(client, report, gate, plan, camera: number)
            var fault: Fault?
            do throws(Fault) {
                while let frame = try await dealer.next() {
                    await waitUntilDue(offered, since: start)
                    await gate.enter()
                    stream.send(frame, self.frame(frame.input), number: offered)
                    offered += 1
                }
            } catch {
                fault = error
            }
            stream.finish()
            await gate.wait()
            return fault
        } catch {
            return error
        }
    }

    private func waitUntilDue(_ sequence: Int, since start: ContinuousClock.Instant) async {
        guard let rate = plan.rate else { return }
        let due = start.advanced(by: .seconds(Double(sequence) / rate))
        try? await Task.sleep(until: due, clock: .continuous)
    }

    private func ask(_ frame: SentFrame, _ request: InferRequest, _ gate: Gate) {
        let report = report
        client.infer(request, timeout: plan.timeout) { result in
            report.add(frame, result.map { FrameAnswer($0) }, isFinal: true)
            gate.leave()
        }
    }

    private func request(_ sent: SentFrame) -> InferRequest {
        var frame = frame(sent.frame.input)
        frame.id = sent.id
        frame.stream = "\(plan.name)-\(sent.camera)"
        frame.sequence = sent.sequence
        return frame.request
    }

    private func frame(_ input: InferTensor) -> Frame {
        var frame = Frame(task: plan.task, inputs: [input])
        frame.workClass = plan.workClass
        frame.mode = plan.mode
        frame.timeout = plan.timeout
        frame.accept = plan.accept
        return frame
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
