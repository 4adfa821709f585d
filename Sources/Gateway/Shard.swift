import EventLoop
import Ground
import HTTP
import Inference
import Node
import Routing
import Wire

/// One loop's share of a node: hosts the pure `Node` on real ports. It gives the node every event
/// in order and carries out every effect; it decides nothing.
///
/// Confined to its loop.
final class Shard {
    let loop: Loop
    let names: NodeNames
    let time: any TimeSource
    let metrics: ShardMetrics
    let receipts: Receipts
    let tracer: Tracer?
    @exclusivity(unchecked) var tasks: [TaskRuntime]
    @exclusivity(unchecked) private var taskNumbers: [String: Int] = [:]
    /// The last name that was asked for: most frames of a loop are of one task, and comparing a
    /// name costs a part of hashing it.
    @exclusivity(unchecked) private var lastAsked: (name: String, task: Int)?
    var peers: [PeerRuntime] = []
    /// The way to the node's alerts; `nil` until the desk stands.
    var alerts: AlertLink?
    /// Says in the log what changes.
    var changes: ChangeLog?
    /// Writes down what is heard and done, where that is wanted.
    var record: ShardRecord?
    /// The way to the node's spool; `nil` where nothing is kept.
    var spool: SpoolLink?
    /// Keeps frames that nodes below were unsure of; `nil` where no records are kept.
    var liveFrames: LiveFrames?
    var owedStreams = OwedStreams()
    var owingStatus: (status: OwingStatus, loop: Int)?

    // Every frame changes these some times, on one loop, and `hear` never enters itself: they are
    // not checked for overlapping accesses at run time.
    @exclusivity(unchecked) private var node: Node
    @exclusivity(unchecked) private var frames: [Frame?] = []
    @exclusivity(unchecked) private var effects = Effects()
    @exclusivity(unchecked) private var events: [Event] = []
    /// Frames that wait for a timer.
    @exclusivity(unchecked) private var unarmed: [FrameID] = []
    @exclusivity(unchecked) private var isBusy = false
    @exclusivity(unchecked) private var sources: SourceTable
    private var limits: TenantLimits
    /// The way to the other shards.
    let post: ShardPost
    private var ticker: (any ScheduledTimer)?
    private lazy var sink = makeSink()
    /// Streams that are open, to be told when the node drains.
    private var streams: [ObjectIdentifier: StreamInfer] = [:]
    /// Called once when no frame is left while the node drains.
    var whenEmpty: (() -> Void)?

    init(
        loop: Loop, names: NodeNames, node: Node, tasks: [TaskRuntime], metrics: ShardMetrics,
        receipts: Receipts, tracer: Tracer?, sources: SourceTable, limits: TenantLimits,
        post: ShardPost
    ) {
        self.loop = loop
        self.names = names
        self.node = node
        self.tasks = tasks
        self.metrics = metrics
        self.receipts = receipts
        self.tracer = tracer
        self.sources = sources
        self.limits = limits
        self.post = post
        time = loop.time
        numberTasks()
    }

    private func numberTasks() {
        lastAsked = nil
        let served = tasks.enumerated().filter { !$0.element.isRetired }
        taskNumbers = Dictionary(
            uniqueKeysWithValues: served.map { ($0.element.name, $0.offset) })
    }

    /// Index of a task, or `nil` when the node has none of that name.
    func task(named name: String) -> Int? {
        if let lastAsked, lastAsked.name == name { return lastAsked.task }
        guard let task = taskNumbers[name] else { return nil }
        lastAsked = (name, task)
        return task
    }

    /// Frames that are not over.
    var frameCount: Int { node.frames }

    /// What the node knows of other nodes, of its tasks and of its workers.
    var knownPeers: [Peer] { node.peers }
    var courses: [Course] { node.courses }
    var admission: Admission { node.admission }
    /// What this node says of its load with an answer to another node.
    var load: PeerLoad { node.load }

    /// Whether each task has somebody who answers: a model here, or a node upstream.
    func isReady(task: Int) -> Bool {
        guard !node.isDraining, !tasks[task].isLoading else { return false }
        if let model = tasks[task].model {
            // Down for good is as if there were no model; what starts again will soon be one.
            guard case .down = model.model.condition else { return model.answers(now: time.now) }
        }
        return tasks[task].isIdentity || node.forwards(task)
    }

    /// Whether the node is on its way out.
    var isDraining: Bool { node.isDraining }

    var isReady: Bool {
        !node.isDraining
            && tasks.indices.allSatisfy { index in
                tasks[index].isRetired || tasks[index].isLate || isReady(task: index)
            }
    }

    /// Names of the tasks that are served.
    var taskNames: [String] { tasks.filter { !$0.isRetired }.map(\.name) }

    /// Whether a peer is left out for doing worse than its fellows.
    func isEjected(peer: Int) -> Bool { node.isEjected(peer: peer) }

    // MARK: Events

    /// Takes a frame in; the responder hears of it, maybe before this returns.
    @discardableResult
    func submit(
        _ request: consuming InferRequest, _ work: borrowing FrameWork,
        to responder: any FrameResponder
    ) -> FrameID? {
        guard let id = node.admit() else {
            let fault = node.isDraining ? Refusals.draining : Refusals.tooManyFrames
            metrics.rejected(fault)
            responder.refuse(fault)
            return nil
        }
        record?.admitted(id)
        let payload = request.payloadBytes
        let frame = Frame(
            id: id, task: work.task, request: request, options: work.options,
            arrivedAt: work.arrivedAt, deadline: work.deadline, responder: responder)
        frame.isFromNode = work.tenant?.isNode ?? false
        if let tracer {
            frame.trace = tracer.begin(work)
        } else {
            frame.foreignTrace = work.trace
        }
        let slot = Int(id.slot)
        while frames.count <= slot { frames.append(nil) }
        frames[slot] = frame
        hear(
            .arrived(
                id,
                Arrival(
                    task: work.task, mode: work.options.mode ?? tasks[work.task].mode,
                    workClass: work.options.workClass, source: source(of: work.tenant),
                    deadline: work.deadline, bytes: payload,
                    accept: work.options.accept.flatMap(Bar.init),
                    mayTravel: !work.options.via.contains(names.name),
                    isEntry: work.options.via.isEmpty)))
        return id
    }

    /// The number of a tenant; the node hears of its limit when it comes for the first time.
    private func source(of tenant: Tenant?) -> Int {
        let (number, isNew) = sources.number(of: tenant)
        if isNew, let tenant {
            hear(.sourceLimit(source: number, limits.frames(of: tenant)))
            post.introduce(tenant)
        }
        return number
    }

    /// Another loop has met a tenant.
    func meet(_ tenant: Tenant) { _ = source(of: tenant) }

    /// Another loop's shard said something.
    func hear(_ messages: [ShardMessage], from shard: Int) {
        for message in messages { hear(.told(from: shard, message)) }
    }

    /// Lets the node feel the time that passes.
    func startTicking(due: Instant? = nil) {
        if let due { metrics.late(by: time.now - due) }
        hear(.tick)
        record?.flush(time.now)
        noteEngines()
        changes?.tick(now: time.now)
        noteOwing()
        let next = time.now + Node.tick
        ticker = loop.schedule(after: Node.tick) { [weak self] in self?.startTicking(due: next) }
    }

    /// The caller of a frame has gone.
    func cancel(_ id: FrameID) { hear(.frame(id, .cancelled)) }

    /// A task's model answers from now on.
    func install(_ model: ServedModel, task: Int, bar: Bar?) {
        tasks[task].model = model
        tasks[task].isLoading = false
        tasks[task].fault = nil
        hear(.modelStale(task: task, false))
        hear(.ownEngine(task: task, model.isIsolated))
        // One that starts again says itself when it serves.
        if model.model.condition == .serving { hear(.modelReady(task: task, bar: bar)) }
        alerts?.set("model-missing", tasks[task].name, false)
    }

    /// A task's model cannot be had: its frames are handed on from now on, or go to the one that
    /// was there before.
    func giveUp(task: Int, _ why: String) {
        tasks[task].isLoading = false
        tasks[task].fault = why
        guard tasks[task].model != nil else {
            alerts?.set("model-missing", tasks[task].name, true)
            return
        }
        hear(.modelStale(task: task, true))
    }

    /// The model that the topology names is the one that answers.
    func isServed(task: Int) {
        tasks[task].fault = nil
        hear(.modelStale(task: task, false))
    }

    /// A task's model answers no more.
    func uninstall(task: Int) {
        tasks[task].model = nil
        tasks[task].fault = nil
        hear(.modelStale(task: task, false))
        if !tasks[task].isIdentity { hear(.modelLost(task: task)) }
    }

    /// Takes a new topology, between two events: tasks and peers keep their indexes, and whatever
    /// was learnt or is under way goes on.
    ///
    /// - Parameters:
    ///   - now: when the surroundings were made.
    ///   - digest: of the topology.
    func adopt(
        _ new: [TaskRuntime], _ surroundings: Surroundings, at now: Instant, digest: Digest?,
        limits: TenantLimits
    ) {
        self.limits = limits
        let old = tasks
        tasks = new.enumerated().map { index, task in
            if index < old.count { return task.succeeding(old[index]) }
            task.isLate = true
            return task
        }
        numberTasks()
        node.adopt(surroundings)
        if let digest { record?.adopted(digest, at: now) }
        for (tenant, number) in sources.known {
            hear(.sourceLimit(source: number, limits.frames(of: tenant)))
        }
        for index in tasks.indices {
            let wasIdentity = index < old.count && old[index].isIdentity
            guard tasks[index].isIdentity != wasIdentity else { continue }
            hear(wasIdentity ? .modelLost(task: index) : .modelReady(task: index, bar: nil))
        }
    }

    /// Takes frames again.
    func undrain() { hear(.undrained) }

    /// The engine of a task's model ended, or serves again.
    func engine(of task: Int, is condition: EngineCondition, bar: Bar?) {
        hear(condition == .serving ? .modelReady(task: task, bar: bar) : .modelLost(task: task))
    }

    func drain() {
        hear(.draining)
        for stream in streams.values { stream.drain() }
    }

    func opened(_ stream: StreamInfer) { streams[ObjectIdentifier(stream)] = stream }

    func closed(_ stream: StreamInfer) { streams[ObjectIdentifier(stream)] = nil }

    /// The caller's trace, where anybody would look at it: this node's tracer, or a node upstream.
    func parentTrace(of call: ServerCall) -> CallerTrace? {
        tracer == nil && peers.isEmpty ? nil : CallerTrace(of: call)
    }

    /// Gives the node one event and carries out what it says. An effect may lead to the next event
    /// at once: events wait their turn, so that a decision is never entered twice.
    func hear(_ event: Event) {
        events.append(event)
        guard !isBusy else { return }
        isBusy = true
        var next = 0
        while next < events.count {
            effects.removeAll()
            let now = time.now
            node.on(events[next], now: now, into: &effects)
            record?.append(events[next], at: now, effects)
            next += 1
            for effect in effects.list { perform(effect) }
        }
        events.removeAll(keepingCapacity: true)
        for id in unarmed { arm(id) }
        unarmed.removeAll(keepingCapacity: true)
        post.flush()
        isBusy = false
        if node.isDraining, node.frames == 0, let whenEmpty {
            self.whenEmpty = nil
            whenEmpty()
        }
    }

    /// Notes when a frame's timer is to fire.
    func due(_ frame: Frame, at moment: Instant) {
        frame.due = moment
        unarmed.append(frame.id)
    }

    /// The frame of an id, or `nil` when it is over.
    func frame(_ id: FrameID) -> Frame? {
        let slot = Int(id.slot)
        guard slot < frames.count, let frame = frames[slot], frame.id == id else { return nil }
        return frame
    }

    func forget(_ frame: Frame) {
        tracer?.forget(frame, tasks[frame.task], node: names, now: time.now)
        frame.timer?.cancel()
        frames[Int(frame.id.slot)] = nil
    }

    // MARK: The model here

    /// Starts the inference of a frame.
    func infer(_ frame: Frame) {
        let task = tasks[frame.task]
        if task.isIdentity { return hear(.frame(frame.id, .inferred(nil))) }
        guard let model = task.model, model.answers(now: time.now) else {
            return hear(.frame(frame.id, .inferenceFailed(.unavailable)))
        }
        let job = InferenceJob(
            tag: frame.id.word, input: frame.request.inferenceInput,
            lane: frame.options.workClass.lane, deadline: frame.deadline, sink: sink)
        frame.job = job
        frame.model = model
        frame.handedAt = time.now
        if !model.model.submit(job) {
            frame.fault = Refusals.queueFull(task.name, waiting: model.model.waiting)
            hear(.frame(frame.id, .inferenceFailed(.overload)))
        }
    }

    private func makeSink() -> ShardSink {
        // Jobs hold the sink, and the shard does: held back, it would never be released.
        let shard = LoopConfined(WeakShard(shard: self), to: loop.poster)
        let poster = loop.poster
        return ShardSink(post: { poster.post($0) }, deliver: { shard.onLoop.shard?.inferred($0) })
    }

    /// Notes when a worker began with a camera's frame.
    private func noteRhythm(of frame: Frame, _ times: InferenceTimes) {
        guard let stream = frame.options.stream, let number = frame.options.sequence,
            let handedAt = frame.handedAt
        else { return }
        metrics.began(task: frame.task, stream, number, at: handedAt + times.queued)
    }

    struct WeakShard { weak var shard: Shard? }

    private func inferred(_ outcome: InferenceOutcome) {
        let id = FrameID(word: outcome.tag)
        guard let frame = frame(id) else {
            // Its worker is free all the same.
            return hear(.frame(id, .inferenceFailed(.deadline)))
        }
        frame.times = outcome.times
        frame.inferredAt = time.now
        switch outcome.result {
        case .success(let inference):
            frame.outcome = inference
            metrics.inferred(task: frame.task, outcome.times)
            noteRhythm(of: frame, outcome.times)
            let confidence = inference.scores.flatMap { scores in
                frame.model.map { Confidence($0.confidence(of: scores)) }
            }
            let alert = tasks[frame.task].alertScore(of: inference)
            hear(.frame(frame.id, .inferred(confidence, alert: alert?.confidence)))
        case .failure(let fault):
            frame.fault = fault
            hear(.frame(frame.id, .inferenceFailed(InferenceFailure(fault))))
        }
    }
}

extension InferenceFailure {
    /// What an engine's fault means for the frame.
    init(_ fault: Fault) {
        self =
            switch fault.code {
            case .invalid: .invalid
            case .corrupt where fault.source == .client: .invalid
            case .exhausted: .overload
            case .deadline, .cancelled: .deadline
            default: .unavailable
            }
    }
}
