import ArgumentParser
import EventLoop
import Glibc
import Ground
import Topology

/// `canopy up`: every node of a topology on this machine.
struct Up: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run every node of a topology on this machine, each as a process of its own.",
        discussion: """
            The nodes' logs come under their names. A node that ends is started again, after a \
            pause that doubles up to half a minute. Ctrl-C ends all of them in an orderly way.
            """)

    @Argument(help: "The topology: a YAML file, or a folder of them.")
    var topology: String

    @Option(help: "Only this node; may be repeated.")
    var only: [String] = []

    @OptionGroup var logging: LogOptions

    func run() throws {
        let fleet = try TopologyArgument.read(topology)
        let names = fleet.nodes.filter { $0.speaks == .canopy }.map(\.name)
        for name in only where !names.contains(name) {
            throw ValidationError("there is no node '\(name)'; there are \(names)")
        }
        let chosen = only.isEmpty ? names : names.filter(only.contains)
        try attempt { () throws(Fault) in
            let loop = try Loop()
            let width = chosen.map(\.count).max() ?? 0
            let children = chosen.enumerated().map { index, name in
                SupervisedNode(
                    name, label: Self.label(name, index, width: width), arguments: arguments(name),
                    on: loop)
            }
            try supervise(children, on: loop)
            loop.run()
        }
    }

    private func arguments(_ node: String) -> [String] {
        [
            "serve", "--topology", topology, "--node", node, "--log", logging.log.rawValue,
            "--log-level", logging.logLevel,
        ]
    }

    private func supervise(_ children: [SupervisedNode], on loop: Loop) throws(Fault) {
        var left = children.count
        var isEnding = false
        let end = {
            if isEnding { return children.forEach { $0.kill() } }
            isEnding = true
            for child in children {
                child.end {
                    left -= 1
                    if left == 0 { loop.stop() }
                }
            }
        }
        try loop.onSignal(.interrupt, end)
        try loop.onSignal(.terminate, end)
        for child in children { child.start() }
    }

    /// Six colours that are readable on dark and light.
    private static func label(_ name: String, _ index: Int, width: Int) -> String {
        let padded = name.padding(to: width)
        guard Console.isTerminal else { return "\(padded) | " }
        return "\u{1B}[3\(1 + (index + 1) % 6)m\(padded) |\u{1B}[0m "
    }
}

/// One child and its restarts. Confined to the loop.
private final class SupervisedNode {
    /// Pause before a restart: doubles from the first to the last, and falls back to the first
    /// after a run of a minute.
    private static let firstPause = Interval.milliseconds(250)
    private static let longestPause = Interval.seconds(30)
    private static let goodRun = Interval.seconds(60)
    /// How long a node may take to end: its own drain limit is usually 10 s.
    private static let grace = Interval.seconds(20)

    private let name: String
    private let label: String
    private let arguments: [String]
    private let loop: Loop
    private var child: ChildProcess?
    private var pause = SupervisedNode.firstPause
    private var startedAt = Instant(nanoseconds: 0)
    private var whenEnded: (() -> Void)?

    init(_ name: String, label: String, arguments: [String], on loop: Loop) {
        self.name = name
        self.label = label
        self.arguments = arguments
        self.loop = loop
    }

    func start() {
        startedAt = loop.time.now
        let show = { [label] (line: OutputLine) in Console.show("\(label)\(line.text)\n") }
        do throws(Fault) {
            child = try loop.spawn(
                Command("/proc/self/exe", arguments), output: .lines(show), errors: .lines(show)
            ) { [weak self] exit in self?.ended(exit) }
        } catch {
            Console.error("\(label)\(error)")
            ended(.code(1))
        }
    }

    func end(_ done: @escaping () -> Void) {
        whenEnded = done
        guard let child, child.isRunning else { return finish() }
        child.terminate(grace: Self.grace)
    }

    func kill() { child?.kill() }

    private func ended(_ exit: ChildExit) {
        child = nil
        guard whenEnded == nil else { return finish() }
        if loop.time.now - startedAt >= Self.goodRun { pause = Self.firstPause }
        Console.error("\(label)ended (\(exit)); starts again in \(pause.text)")
        loop.schedule(after: pause) { [weak self] in
            if self?.whenEnded == nil { self?.start() }
        }
        pause = min(pause + pause, Self.longestPause)
    }

    private func finish() {
        whenEnded?()
        whenEnded = {}
    }
}
