internal import CLibuv
internal import CLinux
internal import Glibc
public import Ground

/// One libuv loop: sockets, timers, signals, files and child processes of one thread.
///
/// All of it is confined to the thread that calls `run` (before that, to the one that made it);
/// only `poster` may be used from elsewhere. A loop runs once: when `run` returns, everything that
/// was open on it has been closed and has heard so.
public final class Loop {
    /// The half that other threads may use.
    public let poster: LoopPoster
    /// What the loop has done so far.
    public internal(set) var counters = LoopCounters()
    /// Whether every handle was closed when the loop ended; false while it has not.
    public private(set) var hasEndedCleanly = false
    /// The machine's clocks.
    public let time: any TimeSource = MonotonicTime()

    /// Bytes that one read takes at most. One buffer serves all connections of the loop, since a
    /// receiver uses the bytes during the call only; 64 KiB is what libuv proposes for a stream.
    static let readCapacity = 65_536
    /// How long the ended loop waits for handles and for work on other threads, a name look-up that
    /// hangs among it. Past it the memory is left to the process, which is ending.
    static let endingWait = Interval.seconds(2)

    let uv: UnsafeMutablePointer<uv_loop_t>
    let readBuffer: UnsafeMutableRawPointer
    let timers = TimerQueue()
    var armedFor = UInt64.max
    var pendingWork = 0
    private(set) var isEnding = false
    private let wakePoll: UnsafeMutablePointer<uv_poll_t>
    let timerDescriptor: Int32
    private let timerPoll: UnsafeMutablePointer<uv_poll_t>
    private let endTimer: UnsafeMutablePointer<uv_timer_t>
    private(set) lazy var turnEnd = EndOfTurn(uv, poster: poster)
    private var spareBodies: [@Sendable () -> Void] = []
    private var isClosed = false

    /// Writing to a socket whose other end is gone must be an error of that write, not the end of
    /// the process.
    private static let brokenPipesIgnored: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    /// Makes a loop on this thread. SIGPIPE is ignored in the process from now on.
    public init() throws(Fault) {
        _ = Self.brokenPipesIgnored
        let uv = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
        let status = uv_loop_init(uv)
        guard status == 0 else {
            uv.deallocate()
            throw Fault.uv(status, "making an event loop")
        }
        timerDescriptor = canopy_timer_open()
        let wakeDescriptor = canopy_wake_open()
        guard timerDescriptor >= 0, wakeDescriptor >= 0 else {
            for descriptor in [timerDescriptor, wakeDescriptor] where descriptor >= 0 {
                close(descriptor)
            }
            uv_loop_close(uv)
            uv.deallocate()
            throw Fault.uv(min(timerDescriptor, wakeDescriptor), "making an event loop's timer")
        }
        self.uv = uv
        readBuffer = .allocate(byteCount: Self.readCapacity, alignment: 64)
        wakePoll = .allocate(capacity: 1)
        timerPoll = .allocate(capacity: 1)
        endTimer = .allocate(capacity: 1)
        uv_timer_init(uv, endTimer)
        uv_poll_init(uv, timerPoll, timerDescriptor)
        uv_poll_init(uv, wakePoll, wakeDescriptor)
        poster = LoopPoster(wake: wakeDescriptor)
        wakePoll.pointee.data = nil
        timerPoll.pointee.data = nil
        endTimer.pointee.data = nil
        uv.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        uv_poll_start(timerPoll, Int32(UV_READABLE.rawValue)) { handle, _, _ in
            Loop.of(handle!.pointee.loop).fireTimers()
        }
        uv_poll_start(wakePoll, Int32(UV_READABLE.rawValue)) { handle, _, _ in
            let loop = Loop.of(handle!.pointee.loop)
            if loop.runPosted() { uv_stop(loop.uv) }
        }
    }

    deinit {
        end()
        // An unclean end leaves work on other threads that still points into this memory.
        guard hasEndedCleanly else { return }
        readBuffer.deallocate()
        wakePoll.deallocate()
        timerPoll.deallocate()
        endTimer.deallocate()
        uv.deallocate()
    }

    /// Runs until `stop`, on the caller's thread, then closes everything that is still open.
    public func run() {
        precondition(!isEnding, "a loop runs once")
        poster.adoptThread()
        uv_run(uv, UV_RUN_DEFAULT)
        end()
    }

    /// Ends `run` after the current turn; bodies posted before still run. On the loop; from another
    /// thread use `poster.stop()`.
    public func stop() {
        assertOnLoop()
        poster.stop()
    }

    /// Runs `body` on the loop in a later turn; see `LoopPoster.post`.
    @discardableResult
    public func post(_ body: @escaping @Sendable () -> Void) -> Bool { poster.post(body) }

    /// Traps in debug builds when the caller is not on the loop's thread.
    public func assertOnLoop(_ function: StaticString = #function) {
        assert(poster.isOnLoop, "\(function) was called off its loop")
    }

    /// The loop that a handle belongs to.
    static func of(_ uv: UnsafeMutablePointer<uv_loop_t>) -> Loop {
        Unmanaged<Loop>.fromOpaque(uv.pointee.data).takeUnretainedValue()
    }

    /// Runs the bodies posted so far; true when the loop was asked to stop.
    private func runPosted() -> Bool {
        var bodies = spareBodies
        spareBodies = []
        let stops = poster.takeBodies(into: &bodies)
        if !bodies.isEmpty { counters.postedBatches += 1 }
        counters.posted += bodies.count
        for body in bodies { body() }
        bodies.removeAll(keepingCapacity: bodies.count < 4_096)
        spareBodies = bodies
        return stops
    }
}

extension Loop: Network {}

// MARK: - The end

extension Loop {
    /// Closes everything. Called once by `run`, or by `deinit` when the loop never ran.
    private func end() {
        guard !isClosed else { return }
        isClosed = true
        poster.shut()
        _ = runPosted()
        isEnding = true
        timers.removeAll()
        uv_walk(uv, { handle, _ in Loop.closeOwner(of: handle!) }, nil)
        uv_close(wakePoll.asHandle, nil)
        uv_close(timerPoll.asHandle, nil)
        close(timerDescriptor)
        awaitClosing()
        uv_close(endTimer.asHandle, nil)
        uv_run(uv, UV_RUN_NOWAIT)
        hasEndedCleanly = uv_loop_close(uv) == 0
    }

    private static func closeOwner(of handle: UnsafeMutablePointer<uv_handle_t>) {
        guard uv_is_closing(handle) == 0, let data = handle.pointee.data else { return }
        let owner = Unmanaged<AnyObject>.fromOpaque(data).takeUnretainedValue()
        (owner as! any HandleOwner).loopEnds()
    }

    private func awaitClosing() {
        let limit = UInt64(Self.endingWait.nanoseconds / 1_000_000)
        uv_update_time(uv)
        uv_timer_start(endTimer, { uv_stop($0!.pointee.loop) }, limit, 0)
        uv_unref(endTimer.asHandle)
        uv_run(uv, UV_RUN_DEFAULT)
    }
}

/// What a loop has done since it was made.
public struct LoopCounters: Sendable {
    /// `uv_try_write` calls, and those that took only a part or nothing.
    public var tryWrites = 0
    public var partialWrites = 0
    /// `uv_write` calls: the rest of partial writes, and what came behind them.
    public var queuedWrites = 0
    public var accepted = 0
    /// Accepts that failed for want of descriptors, each followed by a pause.
    public var refusedAccepts = 0
    public var connected = 0
    public var timersFired = 0
    /// Bodies posted that have run, and the wake-ups that ran them.
    public var posted = 0
    public var postedBatches = 0

    public init() {}
}
