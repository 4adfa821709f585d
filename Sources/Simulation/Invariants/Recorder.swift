import Ground
import Node
import Routing

/// Writes down what concerns one frame, or one shard and its peer, so that a violation comes with
/// the shortest story that shows it.
struct Recorder {
    /// What is to be written down.
    struct Wish {
        var frame: UInt64?
        var shard: Int
        var peer: Int?
    }

    /// Lines that are kept: the last ones, which show what went wrong.
    private static let most = 200

    private let wish: Wish
    private var kept: [String] = []

    init(_ wish: Wish) { self.wish = wish }

    /// The story, oldest line first.
    var lines: [String] { Array(kept.suffix(Self.most)) }

    mutating func note(_ words: String, at now: UInt64) { keep("\(Self.time(now))  ── \(words)") }

    mutating func note(_ event: Event, on shard: Int, at now: UInt64, in shards: [Shard]) {
        switch event {
        case .arrived(let id, let arrival):
            guard concerns(id, shard, shards) else { return }
            keep("\(Self.head(now, shard)) ← arrives, task \(arrival.task), \(arrival.mode)")
        case .frame(let id, let event):
            guard concerns(id, shard, shards) else { return }
            keep("\(Self.head(now, shard)) ← \(event.words)")
        case .tick: break
        case .probed(let peer, _, let isWell):
            guard shard == wish.shard, peer == wish.peer else { return }
            keep("\(Self.head(now, shard)) ← peer \(peer) is\(isWell ? "" : " not") well")
        default:
            guard shard == wish.shard else { return }
            keep("\(Self.head(now, shard)) ← \(event)")
        }
    }

    mutating func note(_ effect: Effect, on shard: Int, at now: UInt64, in shards: [Shard]) {
        guard let id = effect.frame else {
            if case .noted(let change) = effect, shard == wish.shard {
                keep("\(Self.head(now, shard))   → \(change)")
            }
            return
        }
        guard concerns(id, shard, shards) else { return }
        keep("\(Self.head(now, shard))   → \(effect.words)")
    }

    private func concerns(_ id: FrameID, _ shard: Int, _ shards: [Shard]) -> Bool {
        guard let place = shards[shard].place(id) else { return false }
        let frame = shards[shard].frames[place]
        if let serial = wish.frame { return frame.serial == serial }
        guard shard == wish.shard, frame.peer >= 0 else { return false }
        return wish.peer.map { [frame.peer, frame.peerBefore].contains(Int32($0)) } ?? true
    }

    private mutating func keep(_ line: String) {
        kept.append(line)
        if kept.count > 4 * Self.most { kept.removeFirst(3 * Self.most) }
    }

    private static func head(_ now: UInt64, _ shard: Int) -> String {
        "\(time(now))  shard \(shard)"
    }

    /// Seconds with nine digits behind the point.
    static func time(_ now: UInt64) -> String {
        let rest = String(now % 1_000_000_000)
        return "\(now / 1_000_000_000).\(String(repeating: "0", count: 9 - rest.count))\(rest) s"
    }
}

extension FrameEvent {
    fileprivate var words: String {
        switch self {
        case .inferred(let confidence, _): "inferred: \(confidence.map { "\($0.value)" } ?? "done")"
        case .inferenceFailed(let why): "inference failed: \(why)"
        case .answered(let attempt, let accepted, _, _):
            "call \(attempt) answered\(accepted ? "" : ", below the bar")"
        case .failed(let attempt, let why): "call \(attempt) failed: \(why)"
        case .timer: "timer"
        case .cancelled: "the caller is gone"
        case .begun, .displaced, .heard, .kept: "\(self)"
        }
    }
}

extension Effect {
    fileprivate var words: String {
        switch self {
        case .infer: "infer"
        case .cancelInference: "cancel the inference"
        case .alert(_, let confidence): "alert: \(confidence.value)"
        case .call(_, let call):
            "call \(call.attempt) to peer \(call.peer): \(call.purpose), \(call.reason)"
        case .cancelCall(_, let attempt): "cancel call \(attempt)"
        case .arm(_, let at): "timer at \(at.nanoseconds) of its clock"
        case .reply(_, let verdict): "reply: \(verdict.words)"
        case .refine(_, let verdict): "refine: \(verdict.words)"
        case .refuse(_, let why): "refuse: \(why)"
        case .compare(_, let attempt): "compare with the answer to call \(attempt)"
        case .owe(_, let reason): "owe: \(reason.rawValue)"
        case .record: "record"
        case .forget: "forget"
        case .probe, .noted, .tell: "\(self)"
        }
    }
}

extension Verdict {
    fileprivate var words: String {
        let who =
            switch answerer {
            case .here: "own answer"
            case .peer(let attempt): "answer to call \(attempt)"
            case .nobody: "the safe answer"
            }
        let marks = [
            accepted ? nil : "below the bar", degraded?.rawValue, final ? nil : "not the last",
        ].compactMap(\.self)
        return ([who] + marks).joined(separator: ", ")
    }
}
