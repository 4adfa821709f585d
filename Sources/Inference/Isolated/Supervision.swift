internal import Ground

/// When an isolated engine is started, killed and given up: a value, so that every case of it can
/// be tried without a process.
struct Supervision: Sendable {
    enum State: Equatable, Sendable {
        /// Nothing runs until then.
        case pausing(until: Instant)
        case starting(since: Instant)
        case serving
        /// It crashed too often. It stays so.
        case down
    }

    /// What is seen of the engine at a look.
    struct Signs: Sendable {
        /// The engine's own count; it changes while its process gets time to run.
        var beat: UInt32
        /// Since when its longest inference has been running.
        var runningSince: Instant?
        /// How long the longest inference of this run took that came to an end; `nil` before the
        /// first.
        var longest: Interval?
        /// Inferences in a row that failed for no fault of the client.
        var failures: Int
    }

    enum Step: Equatable, Sendable {
        case launch
        /// End it by force: why.
        case kill(String)
    }

    /// How often the engine is looked at.
    static let look = Interval.milliseconds(100)
    /// Looks without a beat: a second, in which a process that is not stopped gets to run also on a
    /// machine that is busy; half of it was too little beside three compilers. Looks and not time
    /// are counted, since a machine that sleeps stops both.
    static let silentLooks = 10
    /// An inference that takes so many times as long as the longest before it does not end any
    /// more, and at least so long: a frame can be larger than all before it.
    static let outlier: Int64 = 20
    static let leastPatience = Interval.seconds(1)
    /// A large model compiles for some tens of seconds without its cache.
    static let longestStart = Interval.seconds(120)
    /// A runtime that is out of memory fails them all; one frame that it cannot digest is one.
    static let mostFailures = 3
    /// Crashes that are bad luck, within the window; one more is the model's own fault.
    static let crashes = 3
    static let window = Interval.seconds(300)
    static let firstPause = Interval.seconds(1)
    static let longestPause = Interval.seconds(30)

    private(set) var state: State
    private let inferenceLimit: Interval
    private var beat: UInt32 = 0
    private var silent = 0
    private var ended: [Instant] = []
    private var random: Randomness

    init(inferenceLimit: Interval, now: Instant, seed: UInt64) {
        self.inferenceLimit = inferenceLimit
        state = .pausing(until: now)
        random = Randomness(seed: seed)
    }

    /// One look at the engine.
    mutating func look(_ signs: Signs, now: Instant) -> Step? {
        switch state {
        case .pausing(let until):
            guard now >= until else { return nil }
            state = .starting(since: now)
            silent = 0
            return .launch
        case .starting(let since):
            guard now - since > Self.longestStart else { return nil }
            return .kill("it was not ready after \(Int(Self.longestStart.seconds)) s")
        case .serving: return judge(signs, now: now)
        case .down: return nil
        }
    }

    /// The engine says that it serves.
    mutating func isReady() {
        state = .serving
        silent = 0
    }

    /// The engine's process is gone, or was killed.
    mutating func crashed(now: Instant) {
        ended.removeAll { now - $0 > Self.window }
        ended.append(now)
        if ended.count > Self.crashes {
            state = .down
            return
        }
        var pause = Self.firstPause
        for _ in 1..<ended.count { pause = pause + pause }
        pause = min(pause, Self.longestPause)
        // Between 80 % and 120 %, so that the engines of a fleet do not start as one.
        let parts = 800 + Int64(random.next() % 401)
        state = .pausing(until: now + .nanoseconds(pause.nanoseconds / 1000 * parts))
    }

    private func patience(_ signs: Signs) -> Interval {
        guard let longest = signs.longest else { return inferenceLimit }
        let usual = Interval.nanoseconds(longest.nanoseconds * Self.outlier)
        return min(inferenceLimit, max(usual, Self.leastPatience))
    }

    private mutating func judge(_ signs: Signs, now: Instant) -> Step? {
        silent = signs.beat == beat ? silent + 1 : 0
        beat = signs.beat
        if silent >= Self.silentLooks { return .kill("its process does not run") }
        if let since = signs.runningSince, now - since > patience(signs) {
            return .kill(
                "an inference has been running for \(Int((now - since).milliseconds)) ms")
        }
        if signs.failures >= Self.mostFailures {
            return .kill("\(signs.failures) inferences in a row failed")
        }
        return nil
    }
}
