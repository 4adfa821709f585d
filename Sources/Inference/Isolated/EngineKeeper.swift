internal import Ground
internal import Synchronization

/// Keeps one isolated engine running, on a thread of its own: starts its process, watches it, and
/// tells what becomes of it.
final class EngineKeeper: @unchecked Sendable {
    /// What the keeper works for. Called on the keeper's thread.
    protocol Client: AnyObject, Sendable {
        /// The engine serves a model with these inputs and outputs. A fault ends it for good.
        func began(_ channel: EngineChannel, _ report: EngineReport) throws(Fault)
        /// The engine is gone, its process or its time: whoever waits for it is to be told.
        func ended(_ condition: EngineCondition)
        var runningSince: Instant? { get }
        var longest: Interval? { get }
        var failures: Int { get }
        var isViolated: Bool { get }
    }

    /// One process and the memory that is shared with it.
    private struct Run {
        let number: Int
        let channel: EngineChannel
        var process: (any EngineProcess)?
    }

    /// How the engine began: `nil` while nobody knows.
    private enum Start { case serving, failed(Fault) }

    private let order: EngineOrder
    private let source: ModelSource
    private let frames: FrameArena
    private let launcher: any EngineLauncher
    private let time: any TimeSource
    private unowned let client: any Client
    private let monitor = Monitor()
    private var thread: WorkerThread?

    // Guarded by the monitor.
    private var start: Start?
    private var exits: [(run: Int, how: String)] = []
    private var isClosed = false

    // The keeper's thread alone.
    private var supervision: Supervision
    private var run: Run?
    private var runs = 0

    /// How long an engine that is asked to end may take: it runs at most one inference a worker.
    private static let patience = Interval.seconds(2)

    init(
        _ order: EngineOrder, _ source: ModelSource, frames: FrameArena,
        launcher: any EngineLauncher, time: any TimeSource, limit: Interval, client: any Client
    ) {
        self.order = order
        self.source = source
        self.frames = frames
        self.launcher = launcher
        self.time = time
        self.client = client
        supervision = Supervision(
            inferenceLimit: limit, now: time.now, seed: time.now.nanoseconds)
    }

    /// Starts the engine and waits until it serves. Blocks, for as long as a model takes to load.
    ///
    /// - Throws: why it could not; the keeper has then ended.
    func begin() throws(Fault) {
        thread = WorkerThread { [unowned self] in keep() }
        guard thread != nil else {
            throw Fault(
                .unavailable, "the system gave no thread for an engine's keeper",
                remedy: "raise the limit on threads (`ulimit -u`)")
        }
        let start: Start = monitor.locked {
            while self.start == nil { monitor.wait() }
            return self.start!
        }
        guard case .failed(let fault) = start else { return }
        end()
        throw fault
    }

    /// Ends the engine and the keeper. Blocks until the process is gone, or was killed.
    func end() {
        monitor.locked {
            isClosed = true
            monitor.wakeAll()
        }
        thread?.join()
        thread = nil
    }

    // MARK: The thread

    private func keep() {
        while !monitor.locked({ isClosed }) {
            hearExits()
            hearPhase()
            let signs = Supervision.Signs(
                beat: run?.channel.beat ?? 0, runningSince: client.runningSince,
                longest: client.longest, failures: client.failures)
            if client.isViolated, run != nil {
                end(run: "it wrote what no engine writes")
            }
            switch supervision.look(signs, now: time.now) {
            case .launch: launch()
            case .kill(let reason): end(run: reason)
            case nil: break
            }
            rest()
        }
        finish()
    }

    private func rest() {
        if let run, case .starting = supervision.state {
            return run.channel.awaitStart(atMost: Supervision.look)
        }
        monitor.locked {
            if exits.isEmpty && !isClosed { monitor.wait(atMost: Supervision.look) }
        }
    }

    private func launch() {
        do throws(Fault) {
            try source.recheck()
            let channel = try EngineChannel(order)
            let reader = try frames.memory.reader()
            defer { SharedMemory.close(reader) }
            runs += 1
            let number = runs
            let process = try launcher.launch(
                source.id.short, descriptors: [channel.memory.descriptor, reader]
            ) { [weak self] how in self?.exited(number, how) }
            run = Run(number: number, channel: channel, process: process)
        } catch {
            decide(.failed(error))
            end(run: "it could not be started: \(error)")
        }
    }

    private func exited(_ run: Int, _ how: String) {
        monitor.locked {
            exits.append((run, how))
            monitor.wakeAll()
        }
    }

    private func hearExits() {
        let exits = monitor.locked {
            defer { self.exits = [] }
            return self.exits
        }
        for exit in exits where run?.number == exit.run {
            run?.process = nil
            // It may have said why.
            hearPhase()
            guard run != nil else { continue }
            decide(
                .failed(
                    Fault(
                        .unavailable, "its engine ended before it served: \(exit.how)",
                        remedy: "the node's log has what the engine said")))
            end(run: "its process ended: \(exit.how)")
        }
    }

    private func hearPhase() {
        guard let run, case .starting = supervision.state else { return }
        switch run.channel.phase {
        case .starting: return
        case .serving: serve(run.channel)
        case .failed, nil:
            let fault = Result { () throws(Fault) in try run.channel.report() }
            if case .failure(let fault) = fault { decide(.failed(fault)) }
            end(run: "it could not load the model")
        }
    }

    private func serve(_ channel: EngineChannel) {
        do throws(Fault) {
            try client.began(channel, try channel.report())
            supervision.isReady()
            decide(.serving)
        } catch {
            decide(.failed(error))
            end(run: "its model is another one: \(error)")
        }
    }

    /// Ends what is left of a run, at once, and tells everybody.
    private func end(run reason: String) {
        run?.channel.end()
        run?.process?.kill()
        run = nil
        supervision.crashed(now: time.now)
        client.ended(supervision.state == .down ? .down(reason) : .restarting(reason))
    }

    private func decide(_ start: Start) {
        monitor.locked {
            if self.start == nil { self.start = start }
            monitor.wakeAll()
        }
    }

    /// Lets the engine end what it runs, and kills it when it takes too long.
    private func finish() {
        guard let run else { return }
        run.channel.stop()
        let end = time.now + Self.patience
        monitor.locked {
            while !exits.contains(where: { $0.run == run.number }), time.now < end {
                monitor.wait(atMost: end - time.now)
            }
        }
        run.channel.end()
        run.process?.kill()
    }
}
