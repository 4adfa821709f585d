import CanopyClient
import Ground
import Routing
import Synchronization
import Telemetry

/// Gathers answers from any thread, shows each, and sums them up.
final class SendReport: Sendable {
    private struct Tier {
        var answers = 0
        var latency = Sketch()
    }

    private struct State {
        var tiers: [String: Tier] = [:]
        var first = Sketch()
        var answers = 0
        var refined = 0
        var degraded = 0
        var accepted = 0
        var labelled = 0
        var right = 0
        var errors: [String: Int] = [:]
        var failed = 0
        var dropped = 0
        /// Answers of each node, by camera.
        var cameras: [Int: [String: Int]] = [:]
        var start: ContinuousClock.Instant?
        var end = ContinuousClock.now
    }

    /// Different errors that are told apart; the rest is counted together.
    private static let mostErrors = 20

    /// Stands for the tier or node of a server that does not say.
    private static let unknown = "?"

    private let state = Mutex(State())
    private let json: Bool
    private let live: LiveTable?
    private let roams: Bool

    /// - Parameter cameras: how many send to the nearest of several nodes; `nil` when there is one
    ///   node. A person is shown a table of them instead of a line for each frame.
    init(json: Bool, cameras: Int? = nil) {
        self.json = json
        roams = cameras != nil
        live = cameras.flatMap { Console.isTerminal && !json ? LiveTable(cameras: $0) : nil }
    }

    /// Frames that have their last answer.
    var answers: Int { state.withLock { $0.answers } }

    /// Takes one answer, or the reason why there is none.
    func add(_ frame: SentFrame, _ result: Result<FrameAnswer, Fault>, isFinal: Bool) {
        let took = UInt64(max(0, Double(frame.sentAt.duration(to: .now)) * 1e9))
        add(frame, result, took, isFinal: isFinal, more: [:])
    }

    /// Takes what became of a frame that one of several nodes got.
    func add(_ frame: SentFrame, _ outcome: FrameOutcome) {
        var more: [String: JSON] = ["attempts": .integer(outcome.attempts)]
        let result: Result<FrameAnswer, Fault>
        switch outcome.result {
        case .answered(let answer): result = .success(answer)
        case .failed(let fault): result = .failure(fault)
        case .dropped(let reason, let fault):
            state.withLock { $0.dropped += 1 }
            more["dropped"] = .string(reason.rawValue)
            result = .failure(fault)
        }
        let took = UInt64(max(0, outcome.took.nanoseconds))
        add(frame, result, took, isFinal: outcome.isLast, more: more)
    }

    /// Takes a frame that the stream's full buffer did not take.
    func reject(_ frame: SentFrame, _ fault: Fault) {
        state.withLock { $0.dropped += 1 }
        add(frame, .failure(fault), 0, isFinal: true, more: ["dropped": .string("rejected")])
    }

    /// Says that frames go to another node.
    func moved(_ move: Move) {
        live?.moved(to: move.to)
        let place = move.to?.description ?? "nowhere: no node answers"
        guard json else {
            let far = move.distance.map { ", \(Self.tenths($0.milliseconds)) ms away" } ?? ""
            let line = "frames go to \(place)\(far) (\(move.reason.rawValue))"
            if live == nil { Console.error(line) }
            return
        }
        let members: [String: JSON] = [
            "to": move.to.map { .string($0.description) } ?? .null,
            "from": move.from.map { .string($0.description) } ?? .null,
            "distance_ms": move.distance.map { .real($0.milliseconds) } ?? .null,
            "reason": .string(move.reason.rawValue),
        ]
        Console.show(JSON.object(["moved": .object(members)]).line + "\n")
    }

    private func add(
        _ frame: SentFrame, _ result: Result<FrameAnswer, Fault>, _ took: UInt64, isFinal: Bool,
        more: [String: JSON]
    ) {
        let now = ContinuousClock.now
        state.withLock { state in
            state.start = min(state.start ?? frame.sentAt, frame.sentAt)
            state.end = now
            switch result {
            case .success(let answer): Self.count(answer, frame, took, isFinal, &state)
            case .failure(let fault):
                state.failed += 1
                let known = state.errors[fault.message] != nil
                let key = known || state.errors.count < Self.mostErrors ? fault.message : "others"
                state.errors[key, default: 0] += 1
            }
        }
        if let live { return live.add(frame, result, took, isFinal: isFinal) }
        let line =
            json
            ? Self.json(frame, result, took, isFinal, more).line
            : Self.text(frame, result, took, isFinal, namesNode: roams)
        Console.show(line + "\n")
    }

    private static func count(
        _ answer: FrameAnswer, _ frame: SentFrame, _ took: UInt64, _ isFinal: Bool,
        _ state: inout State
    ) {
        guard isFinal else { return state.first.insert(took) }
        state.answers += 1
        state.cameras[frame.camera, default: [:]][answer.node ?? unknown, default: 0] += 1
        state.tiers[answer.tier ?? unknown, default: Tier()].answers += 1
        state.tiers[answer.tier ?? unknown, default: Tier()].latency.insert(took)
        if answer.degraded != nil { state.degraded += 1 }
        if answer.isAccepted != false { state.accepted += 1 }
        if let label = frame.frame.label {
            state.labelled += 1
            if label == answer.label { state.right += 1 }
        }
    }

    // MARK: One frame

    private static func json(
        _ frame: SentFrame, _ result: Result<FrameAnswer, Fault>, _ took: UInt64, _ isFinal: Bool,
        _ more: [String: JSON]
    ) -> JSON {
        var members: [String: JSON] = [
            "source": .string(frame.frame.name), "stream": .integer(frame.camera),
            "sequence": .integer(frame.sequence), "final": .bool(isFinal),
            "latency_ms": .real(Double(took) / 1e6),
        ]
        if let label = frame.frame.label { members["true_label"] = .string(label) }
        switch result {
        case .success(let answer):
            members["label"] = answer.label.map(JSON.string) ?? .null
            members["confidence"] = answer.confidence.map(JSON.real) ?? .null
            members["accepted"] = answer.isAccepted.map(JSON.bool) ?? .null
            members["tier"] = .string(answer.tier ?? unknown)
            members["node"] = .string(answer.node ?? unknown)
            members["bundle"] = answer.bundle.map(JSON.string) ?? .null
            members["degraded"] = answer.degraded.map(JSON.string) ?? .null
            members["route"] = answer.route.map(JSON.string) ?? .null
        case .failure(let fault):
            members["error"] = .string(fault.description)
        }
        return .object(members.merging(more) { $1 })
    }

    private static func text(
        _ frame: SentFrame, _ result: Result<FrameAnswer, Fault>, _ took: UInt64, _ isFinal: Bool,
        namesNode: Bool
    ) -> String {
        let time = "\(tenths(Double(took) / 1e6)) ms".aligned(to: 11)
        let head = "\(frame.camera)·\(frame.sequence)".padding(to: 9) + time
        switch result {
        case .success(let answer):
            let confidence = answer.confidence.map { tenths($0 * 100) + " %" } ?? ""
            let notes = [
                isFinal ? nil : "first", answer.isAccepted == false ? "below the bar" : nil,
                answer.degraded,
            ].compactMap(\.self).joined(separator: ", ")
            let who = namesNode ? answer.node : answer.tier
            let tier = (who ?? unknown).padding(to: 9)
            return "\(head)  \(tier) \((answer.label ?? "–").padding(to: 14))"
                + "\(confidence.aligned(to: 8))  \(notes)"
        case .failure(let fault): return "\(head)  \(fault)"
        }
    }

    static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    // MARK: The sum

    /// Shows what came of all frames.
    ///
    /// - Parameter counts: the client's; they are shown where there are several nodes.
    func finish(_ traffic: CanopyClient.Traffic, _ counts: ClientStatus.Counts? = nil) {
        live?.finish()
        state.withLock { state in
            guard json else {
                let lines = table(state, traffic) + (roams ? roaming(state, counts) : [])
                return Console.show(lines.joined(separator: "\n") + "\n")
            }
            var members = summary(state, traffic)
            if roams {
                members["dropped"] = .integer(state.dropped)
                members["moved"] = .integer(counts?.moved ?? 0)
                members["resent"] = .integer(counts?.resent ?? 0)
                let cameras = state.cameras.map { camera, nodes in
                    ("\(camera)", JSON.object(nodes.mapValues { .integer($0) }))
                }
                members["cameras"] = .object(Dictionary(uniqueKeysWithValues: cameras))
            }
            Console.show(JSON.object(["summary": .object(members)]).line + "\n")
        }
    }

    private func roaming(_ state: State, _ counts: ClientStatus.Counts?) -> [String] {
        var lines = [
            "moved \(counts?.moved ?? 0) times, \(counts?.resent ?? 0) frames sent again,"
                + " \(state.dropped) dropped"
        ]
        for (camera, nodes) in state.cameras.sorted(by: { $0.key < $1.key }) {
            let parts = nodes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            lines.append("camera \(camera): " + parts.joined(separator: ", "))
        }
        return lines
    }

    private func summary(_ state: State, _ traffic: CanopyClient.Traffic) -> [String: JSON] {
        var tiers: [String: JSON] = [:]
        for (name, tier) in state.tiers {
            tiers[name] = .object([
                "answers": .integer(tier.answers), "p50_ms": Self.ms(tier.latency, 0.5),
                "p95_ms": Self.ms(tier.latency, 0.95), "p99_ms": Self.ms(tier.latency, 0.99),
            ])
        }
        let errors = state.errors.mapValues { JSON.integer($0) }
        return [
            "answers": .integer(state.answers), "failed": .integer(state.failed),
            "accepted": .integer(state.accepted), "degraded": .integer(state.degraded),
            "labelled": .integer(state.labelled), "right": .integer(state.right),
            "seconds": .real(Self.seconds(state)), "tiers": .object(tiers),
            "errors": .object(errors),
            "bytes_out": .integer(traffic.bytesOut), "bytes_in": .integer(traffic.bytesIn),
            "connections": .integer(traffic.connections),
            "handshakes": .integer(traffic.handshakes),
        ]
    }

    private func table(_ state: State, _ traffic: CanopyClient.Traffic) -> [String] {
        var lines = ["", "tier       answers   share       p50       p95       p99"]
        for (name, tier) in state.tiers.sorted(by: { $0.key < $1.key }) {
            let share = Double(tier.answers) / Double(max(state.answers, 1)) * 100
            let quantiles = [0.5, 0.95, 0.99].map { q in
                "\(Self.tenths(Double(tier.latency.quantile(q) ?? 0) / 1e6)) ms".aligned(to: 10)
            }
            lines.append(
                name.padding(to: 10) + "\(tier.answers)".aligned(to: 8)
                    + "\(Self.tenths(share)) %".aligned(to: 8) + quantiles.joined())
        }
        let seconds = Self.seconds(state)
        let rate = Self.tenths(Double(state.answers) / max(seconds, 1e-9))
        lines.append(
            "\(state.answers) answers in \(Self.tenths(seconds)) s (\(rate)/s), \(state.accepted)"
                + " accepted, \(state.degraded) degraded, \(state.failed) failed")
        if state.labelled > 0 {
            let share = Double(state.right) / Double(state.labelled) * 100
            lines.append("\(state.right) of \(state.labelled) right (\(Self.tenths(share)) %)")
        }
        lines.append("\(traffic.bytesOut) bytes sent, \(traffic.bytesIn) received")
        for (message, count) in state.errors.sorted(by: { $0.key < $1.key }) {
            lines.append("\(count) × \(message)")
        }
        return lines
    }

    private static func ms(_ sketch: Sketch, _ q: Double) -> JSON {
        sketch.quantile(q).map { .real(Double($0) / 1e6) } ?? .null
    }

    private static func seconds(_ state: State) -> Double {
        state.start.map { Double($0.duration(to: state.end)) } ?? 0
    }
}

extension Double {
    /// A length of time in seconds.
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = Double(seconds) + Double(attoseconds) / 1e18
    }
}
