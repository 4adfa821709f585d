public import Ground

/// Who gets a worker of this node next, who waits, and who is refused when there is no room.
///
/// Places are for frames that wait or run. While there are free ones everybody gets one. When there
/// are none, a class that holds more than its guaranteed share gives way: the lowest such class
/// first, and in it the frame that came last from whoever holds the most. A frame that runs is
/// never interrupted.
///
/// Workers go to the class that has had the least of its share (stride scheduling over the work
/// done), so that each class that waits gets its share and nothing lies idle; within a class they
/// go to the source that was served longest ago, so that a loud one waits for itself alone. With
/// two workers or more, one is kept for realtime. A task whose engine is a process of its own has
/// as many workers there, so that none of another task's are held by an engine that hangs.
public struct Admission: Sendable {
    /// What becomes of a frame that asks for a worker.
    public enum Entry: Hashable, Sendable {
        /// A worker is free: it begins now.
        case begin
        /// It waits; `next` names it later.
        case wait
        /// There is no room.
        case full
        /// Its deadline would pass before the work is done.
        case hopeless
    }

    /// A frame that asks for a worker.
    public struct Claim: Hashable, Sendable {
        public var id: FrameID
        public var task: Int
        public var workClass: WorkClass
        /// Who sent it: the index of a tenant or a leaf.
        public var source: Int
        public var deadline: Instant

        public init(
            id: FrameID, task: Int, workClass: WorkClass, source: Int, deadline: Instant
        ) {
            self.id = id
            self.task = task
            self.workClass = workClass
            self.source = source
            self.deadline = deadline
        }
    }

    struct Waiting: Sendable {
        var claim: Claim
        var since: Instant
        /// Order of arrival.
        var number: UInt64
    }

    struct Running: Sendable {
        var claim: Claim
        var entered: Instant
        var began: Instant
    }

    public private(set) var settings: Settings
    /// Frames that an engine works on at once, as it said.
    public private(set) var workers = 1
    public private(set) var limit: ConcurrencyLimit
    var waiting: [Waiting] = []
    var running: [Running] = []
    var held = InlineArray<4, Int>(repeating: 0)
    /// Work done for each class, by urgency, over its share: the lowest goes next.
    private var passes = InlineArray<4, UInt64>(repeating: 0)
    private var lastPass: UInt64 = 0
    /// By task: how long the work alone takes.
    private var services: [ServiceTime]
    /// By task: whether its engine is one of its own.
    private var isAlone: [Bool]
    /// By source: when it was served last, as a count of frames served.
    private var served: [UInt64] = [0]
    private var arrivals: UInt64 = 0
    private var starts: UInt64 = 0
    /// A frame that had to give way to the one that just entered.
    private var displaced: FrameID?

    public init(_ settings: Settings = Settings(), tasks: Int = 1) {
        self.settings = settings
        limit = ConcurrencyLimit(settings)
        services = Array(repeating: ServiceTime(), count: tasks)
        isAlone = Array(repeating: false, count: tasks)
    }

    /// Frames that wait for a worker.
    public var waitingCount: Int { waiting.count }
    /// Those of the most urgent class among them.
    public var waitingRealtime: Int { waiting.count { $0.claim.workClass == .realtime } }
    /// Frames that a worker has.
    public var runningCount: Int { running.count }
    /// Frames of a class that wait or run.
    public func held(by workClass: WorkClass) -> Int { held[workClass.urgency] }
    /// How long the work of a task takes, or `nil` before the first.
    public func service(of task: Int) -> Interval? { services[task].mean }
    /// Places that are free now.
    public var room: Int { max(0, limit.places - waiting.count - running.count) }

    /// Takes the engine's word for how many frames it works on at once.
    public mutating func setWorkers(_ count: Int) {
        workers = max(1, count)
        limit.setWorkers(workers)
    }

    /// Takes new settings; who waits goes on waiting.
    mutating func configure(_ settings: Settings, tasks: Int) {
        self.settings = settings
        limit.configure(settings)
        while services.count < tasks {
            services.append(ServiceTime())
            isAlone.append(false)
        }
    }

    /// Says whether a task has an engine, and so workers, of its own.
    mutating func setAlone(_ isAlone: Bool, task: Int) { self.isAlone[task] = isAlone }

    // MARK: In

    /// Asks for a worker. When another frame had to give way for it, `takeDisplaced` names that
    /// one, which has left already.
    public mutating func enter(_ claim: Claim, now: Instant) -> Entry {
        if isHopeless(claim, now: now) { return .hopeless }
        while served.count <= claim.source { served.append(0) }
        if waiting.isEmpty, hasWorker(for: claim) {
            held[claim.workClass.urgency] += 1
            start(claim, entered: now, now: now)
            return .begin
        }
        if waiting.count + running.count >= limit.places {
            if let index = victim(for: claim) {
                displaced = waiting[index].claim.id
                leave(at: index)
            } else if !isOwed(claim.workClass) {
                return .full
            }
        }
        held[claim.workClass.urgency] += 1
        arrivals += 1
        waiting.append(Waiting(claim: claim, since: now, number: arrivals))
        return .wait
    }

    /// The next frame to begin, or `nil` when no worker is free or nobody waits that may have it.
    public mutating func next(now: Instant) -> FrameID? {
        guard !waiting.isEmpty, let index = nextInLine(now: now) else { return nil }
        let chosen = waiting.remove(swappingAt: index)
        start(chosen.claim, entered: chosen.since, now: now)
        return chosen.claim.id
    }

    /// The frame that had to give way, once.
    mutating func takeDisplaced() -> FrameID? {
        defer { displaced = nil }
        return displaced
    }

    // MARK: Out

    /// A frame gives its waiting place up. Nothing happens when it does not wait.
    public mutating func withdraw(_ id: FrameID) {
        if let index = waiting.firstIndex(where: { $0.claim.id == id }) { leave(at: index) }
    }

    /// A worker has ended with a frame, whatever came of it. How long the work takes is learnt from
    /// answers alone; how long frames are here also from the others, since those whose time ran
    /// out are what a queue that is too long looks like.
    public mutating func finish(_ id: FrameID, answered: Bool, now: Instant) {
        guard let index = running.firstIndex(where: { $0.claim.id == id }) else { return }
        let ended = running.remove(swappingAt: index)
        held[ended.claim.workClass.urgency] -= 1
        if answered { services[ended.claim.task].observe(now - ended.began) }
        limit.observe(
            sojourn: now - ended.entered,
            service: services[ended.claim.task].mean ?? now - ended.began,
            held: waiting.count + running.count + 1)
    }

    // MARK: Choosing

    /// One frame more than workers is handed to the engine, so that a worker which ends finds its
    /// next at once.
    public static let ahead = 1

    /// Work that takes longer than this is handed over only when a worker is free: the 50 µs until
    /// it begins are little then, and whoever comes meanwhile would wait for it.
    static let quickWork = Interval.milliseconds(2)

    /// Whether an engine takes a frame now. Realtime is not held up by what was handed over ahead
    /// of it: engines begin with it.
    @inline(__always)
    private func hasWorker(for claim: Claim) -> Bool {
        let isQuick = services[claim.task].mean.map { $0 < Self.quickWork } ?? true
        let ahead = isQuick ? Self.ahead : 0
        var (all, others) = (0, 0)
        for work in running where isSameEngine(work.claim.task, claim.task) {
            all += 1
            if work.claim.workClass != .realtime { others += 1 }
        }
        if claim.workClass == .realtime {
            return all - others < workers + ahead && all < workers + 2 * ahead
        }
        return others < max(1, workers - 1) + ahead && all < workers + ahead
    }

    private func isSameEngine(_ a: Int, _ b: Int) -> Bool {
        a == b || !isAlone[a] && !isAlone[b]
    }

    @inline(__always)
    private func nextInLine(now: Instant) -> Int? {
        var best: Int?
        for index in waiting.indices where hasWorker(for: waiting[index].claim) {
            // Its timer ends it soon; a worker would be too late and keep another waiting.
            if isHopeless(waiting[index].claim, now: now) { continue }
            if let held = best, !goesBefore(waiting[index], waiting[held]) { continue }
            best = index
        }
        return best
    }

    @inline(__always)
    private func goesBefore(_ a: Waiting, _ b: Waiting) -> Bool {
        let (first, second) = (a.claim.workClass.urgency, b.claim.workClass.urgency)
        if first != second {
            let (left, right) = (pass(of: first), pass(of: second))
            return left == right ? first > second : left < right
        }
        let (left, right) = (served[a.claim.source], served[b.claim.source])
        return left == right ? a.number < b.number : left < right
    }

    /// A class that waited for nothing has no claim to what it did not use.
    private func pass(of urgency: Int) -> UInt64 { max(passes[urgency], lastPass) }

    private mutating func start(_ claim: Claim, entered: Instant, now: Instant) {
        let urgency = claim.workClass.urgency
        lastPass = pass(of: urgency)
        let work = services[claim.task].mean ?? Interval.milliseconds(1)
        let share = UInt64(max(1, settings.shares[claim.workClass]))
        passes[urgency] = lastPass + UInt64(max(1, work.nanoseconds)) / share
        starts += 1
        served[claim.source] = starts
        running.append(Running(claim: claim, entered: entered, began: now))
    }

    private mutating func leave(at index: Int) {
        held[waiting[index].claim.workClass.urgency] -= 1
        waiting.remove(swappingAt: index)
    }

    @inline(__always)
    private func isHopeless(_ claim: Claim, now: Instant) -> Bool {
        guard let service = services[claim.task].mean else { return false }
        return claim.deadline - now < service
    }
}

extension Array {
    /// Takes an element out in constant time; the last takes its place.
    @discardableResult
    mutating func remove(swappingAt index: Int) -> Element {
        swapAt(index, count - 1)
        return removeLast()
    }
}
