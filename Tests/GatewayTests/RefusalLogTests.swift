import Ground
import Logging
import Synchronization
import Testing

@testable import Gateway

@Suite struct RefusalLogTests {
    /// What was logged, and a clock that stands until it is moved.
    private final class Scene: TimeSource {
        let lines = Mutex<[String]>([])
        let moment = Mutex(Instant(nanoseconds: 0))

        var now: Instant { moment.withLock { $0 } }
        var wall: WallTime { WallTime(nanoseconds: 0) }

        func pass(_ time: Interval) { moment.withLock { $0 = $0 + time } }
        var said: [String] { lines.withLock { $0 } }
    }

    private struct Lines: LogHandler {
        let scene: Scene
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let about = (event.metadata ?? [:]).sorted { $0.key < $1.key }
            let line = "\(event.level) \(event.message)" + about.map { " \($0)=\($1)" }.joined()
            scene.lines.withLock { $0.append(line) }
        }
    }

    private let scene = Scene()

    private var log: RefusalLog {
        RefusalLog(Logger(label: "test") { _ in Lines(scene: scene) }, time: scene)
    }

    @Test func `Each kind is told at once, then now and then with how often it came`() {
        let log = log
        let full = Fault(.exhausted, "no room")
        log.hear(full)
        for _ in 0..<1_000 { log.hear(full) }
        log.hear(Fault(.invalid, "no such shape", source: .client))
        #expect(
            scene.said == [
                "warning refused: no room reason=exhausted",
                "info refused: no such shape reason=invalid",
            ])
        scene.pass(RefusalLog.pause)
        log.hear(full)
        log.hear(full)
        #expect(scene.said.last == "warning refused: no room before=1000 reason=exhausted")
        #expect(scene.said.count == 3)
    }

    @Test func `What a client sends makes no line long`() {
        log.hear(Fault(.notFound, String(repeating: "ü", count: 10_000), source: .client))
        #expect(scene.said[0].utf8.count < RefusalLog.longest + 100)
    }
}
