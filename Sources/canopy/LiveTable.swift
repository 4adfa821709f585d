import CanopyClient
import Ground
import Synchronization

/// Shows a person which node each camera uses, in place, while frames are sent.
final class LiveTable: Sendable {
    private struct Row {
        var node = "–"
        var answers = 0
        var failed = 0
        var took: UInt64 = 0
        var label = ""
    }

    private struct State {
        var rows: [Row]
        var place = "looking for a node"
        var shownAt: ContinuousClock.Instant?
        var isShown = false
    }

    /// Cameras that a terminal has room for.
    private static let most = 20
    /// As often as an eye follows.
    private static let showEvery = Duration.milliseconds(200)

    private let state: Mutex<State>

    init(cameras: Int) {
        state = Mutex(State(rows: Array(repeating: Row(), count: min(cameras, Self.most))))
    }

    func moved(to node: NodeAddress?) {
        state.withLock { state in
            state.place = node.map { "frames go to \($0)" } ?? "no node answers: frames wait"
            Self.show(&state)
        }
    }

    func add(
        _ frame: SentFrame, _ result: Result<FrameAnswer, Fault>, _ took: UInt64, isFinal: Bool
    ) {
        state.withLock { state in
            guard state.rows.indices.contains(frame.camera - 1) else { return }
            switch result {
            case .success(let answer):
                state.rows[frame.camera - 1].node = answer.node ?? "?"
                state.rows[frame.camera - 1].label = answer.label ?? ""
                state.rows[frame.camera - 1].took = took
                if isFinal { state.rows[frame.camera - 1].answers += 1 }
            case .failure: state.rows[frame.camera - 1].failed += 1
            }
            if let last = state.shownAt, last.duration(to: .now) < Self.showEvery { return }
            Self.show(&state)
        }
    }

    func finish() { state.withLock { Self.show(&$0) } }

    private static func show(_ state: inout State) {
        state.shownAt = .now
        var lines = [state.place, "camera  node            answers  failed      last"]
        for (number, row) in state.rows.enumerated() {
            lines.append(
                "\(number + 1)".padding(to: 8) + row.node.padding(to: 14)
                    + "\(row.answers)".aligned(to: 9) + "\(row.failed)".aligned(to: 8)
                    + "\(SendReport.tenths(Double(row.took) / 1e6)) ms".aligned(to: 10)
                    + "  \(row.label)")
        }
        // Back to the first line, and each line anew.
        let up = state.isShown ? "\u{1B}[\(lines.count)A" : ""
        state.isShown = true
        Console.show(up + lines.map { "\u{1B}[2K\($0)\n" }.joined())
    }
}
