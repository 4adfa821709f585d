import EventLoop
import Ground
import Inference
import Logging
import Synchronization

/// Starts the processes of isolated engines, on a loop of its own: they end when that loop's thread
/// does, whatever becomes of the node.
final class EngineProcesses: EngineLauncher {
    private let thread: LoopThread
    private let loop: LoopConfined<Loop>
    private let log: Logger

    /// Lines of one engine's output that are logged: a crash says some dozens, and an engine that
    /// was taken over could say any number.
    private static let mostLines = 200

    init(log: Logger) throws(Fault) {
        self.log = log
        let made = Handover<LoopConfined<Loop>>()
        thread = try LoopThread(name: "canopy-engines") { (loop) throws(Fault) in
            let confined = LoopConfined(loop, to: loop.poster)
            made.value.withLock { $0 = confined }
        }
        loop = made.value.withLock { $0! }
    }

    func launch(
        _ label: String, descriptors: [Int32], exited: @escaping @Sendable (String) -> Void
    ) throws(Fault) -> any EngineProcess {
        let outcome = Handover<Result<LoopConfined<ChildProcess>, Fault>>()
        let log = log
        let isPosted = loop.post { loop in
            var command = Command("/proc/self/exe", ["engine"])
            command.descriptors = descriptors
            var left = Self.mostLines
            let show = { (line: OutputLine) in
                left -= 1
                guard left >= 0 else { return }
                log.warning("engine: \(line.text)", metadata: ["bundle": "\(label)"])
            }
            let result = Result { () throws(Fault) in
                LoopConfined(
                    try loop.spawn(command, output: .lines(show), errors: .lines(show)) {
                        exited($0.text)
                    }, to: loop.poster)
            }
            outcome.value.withLock { $0 = result }
            outcome.signal()
        }
        guard isPosted else {
            throw Fault(.unavailable, "the node is ending: no engine is started any more")
        }
        return Process(try outcome.wait().get())
    }

    /// Ends all processes that are left.
    func stop() {
        thread.stop()
        thread.join()
    }

    private final class Process: EngineProcess {
        private let child: LoopConfined<ChildProcess>

        init(_ child: LoopConfined<ChildProcess>) { self.child = child }

        func kill() { child.post { $0.kill() } }
    }
}

extension ChildExit {
    /// As a sentence goes on with it.
    fileprivate var text: String {
        switch self {
        case .code(let code): "status \(code)"
        case .signal(let number): "signal \(number)"
        }
    }
}
