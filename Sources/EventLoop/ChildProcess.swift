internal import CLibuv
internal import CLinux
internal import Glibc
public import Ground

/// A program to start.
public struct Command: Sendable {
    /// A path, or a name that is looked up in PATH.
    public var program: String
    public var arguments: [String]
    /// The child's whole environment; `nil` passes this process's on.
    public var environment: [String: String]?
    /// Where it runs; `nil` is this process's folder.
    public var folder: String?
    /// Descriptors that it gets as 3, 4, …, at most 13: memory and sockets shared with it. They
    /// stay the caller's to close.
    public var descriptors: [Int32] = []

    public init(
        _ program: String, _ arguments: [String] = [], environment: [String: String]? = nil,
        folder: String? = nil
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.folder = folder
    }
}

/// What becomes of a child's output.
public enum ChildOutput {
    /// It goes to /dev/null.
    case discarded
    /// It goes where this process's own goes.
    case inherited
    /// Each line, without its end; what exceeds 16 KiB of one is dropped.
    case lines((OutputLine) -> Void)
    /// Bytes as they come, valid during the call.
    case bytes((UnsafeRawBufferPointer) -> Void)
}

/// How a child ended.
public enum ChildExit: Hashable, Sendable {
    case code(Int32)
    case signal(Int32)
}

/// A running child process. It never outlives the loop: it is killed when the loop ends, and by the
/// kernel when the loop's thread dies.
public final class ChildProcess: HandleOwner {
    /// How long output is awaited after the exit: a grandchild may hold the pipe open for ever.
    static let outputPatience = Interval.seconds(1)
    /// How long the ending loop waits for a killed child, in steps of a millisecond.
    static let reapSteps = 200

    public let pid: Int32
    /// The child's standard output, when it is lines or bytes: for back-pressure.
    public private(set) var output: InputPipe?
    /// Whether its exit has been noticed.
    public var isRunning: Bool { exit == nil }

    private let loop: Loop
    private let exitDescriptor: Int32
    private let poll = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
    private var errors: InputPipe?
    private var openOutputs = 0
    private var exit: ChildExit?
    private var exited: ((ChildExit) -> Void)?

    fileprivate init(
        pid: Int32, exitDescriptor: Int32, loop: Loop, exited: @escaping (ChildExit) -> Void
    ) {
        self.pid = pid
        self.loop = loop
        self.exitDescriptor = exitDescriptor
        self.exited = exited
        uv_poll_init(loop.uv, poll, exitDescriptor)
        poll.pointee.data = Unmanaged.passRetained(self).toOpaque()
        uv_poll_start(poll, Int32(UV_READABLE.rawValue)) { handle, _, _ in
            owner(handle!.pointee.data, as: ChildProcess.self).reap()
        }
    }

    /// Asks it to end (SIGTERM), and kills it and what it started when it still runs after `grace`.
    public func terminate(grace: Interval) {
        guard isRunning else { return }
        send(SIGTERM)
        loop.schedule(after: grace) { [weak self] in self?.kill() }
    }

    /// Kills it, and what it started in its process group, at once.
    public func kill() {
        if isRunning { send(SIGKILL) }
    }

    func loopEnds() {
        kill()
        for _ in 0..<Self.reapSteps where isRunning {
            reap()
            if isRunning { usleep(1_000) }
        }
        if isRunning { closePoll() }
        report()
    }

    fileprivate func take(output: InputPipe?, errors: InputPipe?) {
        self.output = output
        self.errors = errors
        openOutputs = (output == nil ? 0 : 1) + (errors == nil ? 0 : 1)
    }

    fileprivate func outputEnded() {
        openOutputs -= 1
        if openOutputs == 0 && !isRunning { report() }
    }

    private func send(_ signal: Int32) { Glibc.kill(-pid, signal) }

    private func reap() {
        var status: Int32 = 0
        guard isRunning, waitpid(pid, &status, WNOHANG) == pid else { return }
        // The layout of a wait status: 7 bits of signal, then 8 bits of exit code.
        exit = status & 0x7f == 0 ? .code(status >> 8 & 0xff) : .signal(status & 0x7f)
        closePoll()
        guard openOutputs > 0 else { return report() }
        loop.schedule(after: Self.outputPatience) { self.report() }
    }

    private func closePoll() {
        guard uv_is_closing(poll.asHandle) == 0 else { return }
        uv_poll_stop(poll)
        poll.closeHandle()
        Glibc.close(exitDescriptor)
    }

    private func report() {
        guard let exited else { return }
        self.exited = nil
        output?.close()
        errors?.close()
        exited(exit ?? .signal(SIGKILL))
    }
}

extension Loop {
    /// Starts a program with /dev/null as its input. `exited` is called once, after its last
    /// output. Faults: the program is not there or may not be run.
    public func spawn(
        _ command: Command, output: ChildOutput = .discarded, errors: ChildOutput = .inherited,
        exited: @escaping (ChildExit) -> Void
    ) throws(Fault) -> ChildProcess {
        assertOnLoop()
        let doing = "starting \(command.program)"
        let out = try OutputEnd(output, inherited: 1, doing: doing)
        defer { out.closeChildEnd() }
        let err = try OutputEnd(errors, inherited: 2, doing: doing)
        defer { err.closeChildEnd() }
        var exitDescriptor: Int32 = -1
        let pid = Spawning.start(
            command, descriptors: [-1, out.childEnd, err.childEnd] + command.descriptors,
            exited: &exitDescriptor)
        guard pid > 0 else {
            out.closeOwnEnd()
            err.closeOwnEnd()
            throw Fault.uv(pid, doing)
        }
        let child = ChildProcess(
            pid: pid, exitDescriptor: exitDescriptor, loop: self, exited: exited)
        child.take(
            output: out.read(on: self, ended: { [weak child] in child?.outputEnded() }),
            errors: err.read(on: self, ended: { [weak child] in child?.outputEnded() }))
        return child
    }
}
