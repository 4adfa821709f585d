internal import Ground
internal import HTTP
internal import Routing
internal import Wire

/// The half of a camera's stream that lives on the loop: hosts one `FrameLane` on calls to nodes.
final class CameraLane {
    typealias Lane = FrameLane<InferRequest, Arrived>

    /// An answer, and when it came.
    struct Arrived: Sendable {
        let answer: FrameAnswer
        let at: Instant
    }

    /// What is remembered of a frame until its last outcome.
    private struct Sent {
        let at: Instant
        let bytes: Int
        var attempts = 0
    }

    let name: String
    /// Held: a camera may have a frame for a client that is just being closed.
    private let roamer: Roamer
    private var lane: Lane
    private var passages: [UInt32: Passage] = [:]
    private var current: Passage?
    private var lastPassage: UInt32 = 0
    private var sent: [Int: Sent] = [:]
    private var isFinished = false
    private var isHeld = false
    private var hasEnded = false
    /// Why no frame is taken any more.
    private var gaveUp: Fault?
    private let heard: @Sendable (FrameOutcome, _ bytes: Int) -> Void
    private let ended: @Sendable () -> Void
    private var events: [Lane.Event] = []
    private var isBusy = false

    init(
        _ name: String, _ options: StreamOptions, on roamer: Roamer,
        heard: @escaping @Sendable (FrameOutcome, _ bytes: Int) -> Void,
        ended: @escaping @Sendable () -> Void
    ) {
        self.name = name
        self.roamer = roamer
        self.heard = heard
        self.ended = ended
        lane = Lane(options.lane)
    }

    var isIdle: Bool { lane.count == 0 }

    /// The camera has a frame.
    func offer(_ request: InferRequest, _ number: Int, bytes: Int, timeout: Interval) {
        sent[number] = Sent(at: roamer.now, bytes: bytes)
        hear(.offered(number, request, bytes: bytes, timeout: timeout))
        if let fault = gaveUp { hear(.abandoned(fault)) } else { roamer.armTick() }
    }

    /// No frame follows.
    func finish() {
        isFinished = true
        endWhenDone()
    }

    /// Frames go there from now on; what is under way elsewhere may still be answered.
    func move() {
        current?.retire(now: roamer.now)
        current = nil
        hear(.halted)
    }

    /// Nothing that is under way at the station will be answered.
    func giveUp(_ station: Station) {
        for (_, passage) in passages.sorted(by: { $0.key < $1.key })
        where passage.station === station { passage.cancel() }
    }

    /// Gives everything up: every frame ends with `fault`.
    func abandon(_ fault: Fault) {
        isFinished = true
        gaveUp = fault
        hear(.abandoned(fault))
        for (_, passage) in passages.sorted(by: { $0.key < $1.key }) { passage.cancel() }
    }

    func tick() {
        hear(.tick)
        for (_, passage) in passages.sorted(by: { $0.key < $1.key })
        where passage.isOverdue(now: roamer.now) { passage.cancel() }
    }

    /// Sends what waits, where there is somewhere to go.
    func goOn() {
        openIfNeeded()
        if !events.isEmpty { hear(.tick) }
    }

    // MARK: Events and effects

    /// Gives the lane every event in order, also those that its own effects bring about.
    private func hear(_ event: Lane.Event) {
        events.append(event)
        guard !isBusy else { return }
        isBusy = true
        while !events.isEmpty {
            var effects: [Lane.Effect] = []
            lane.on(events.removeFirst(), now: roamer.now, into: &effects)
            for effect in effects { perform(effect) }
            if events.isEmpty { openIfNeeded() }
        }
        isBusy = false
        endWhenDone()
    }

    private func perform(_ effect: Lane.Effect) {
        switch effect {
        case .send(let passage, let number, let request, let attempt):
            sent[number]?.attempts = attempt
            if attempt > 1 { roamer.counts.resent += 1 }
            passages[passage]?.send(request)
        case .tell(let number, let word): tell(number, word)
        case .late(let passage):
            if let station = passages[passage]?.station { roamer.hear(.timedOut(station.number)) }
        }
    }

    /// Opens a passage when a frame waits for one.
    private func openIfNeeded() {
        guard !isHeld, current == nil, lane.count > 0, let station = roamer.home else { return }
        lastPassage += 1
        let passage = Passage(lastPassage, to: station, of: self)
        passages[lastPassage] = passage
        current = passage
        passage.open()
        events.append(.opened(lastPassage))
    }

    private func tell(_ number: Int, _ word: Lane.Word) {
        guard let frame = word.isLast ? sent.removeValue(forKey: number) : sent[number] else {
            return
        }
        var at = roamer.now
        let result: FrameOutcome.Result
        switch word {
        case .answered(let arrived, _):
            at = arrived.at
            result = .answered(arrived.answer)
        case .failed(let fault): result = .failed(fault)
        case .dropped(let reason):
            roamer.counts.dropped += 1
            result = .dropped(reason, roamer.whyDropped(reason))
        }
        heard(
            FrameOutcome(
                stream: name, sequence: number, result: result, attempts: frame.attempts,
                took: at - frame.at), word.isLast ? frame.bytes : 0)
    }

    private func endWhenDone() {
        guard isFinished, lane.count == 0, !isBusy, !hasEnded else { return }
        hasEnded = true
        current?.retire(now: roamer.now)
        current = nil
        roamer.remove(self)
        ended()
    }

    // MARK: What passages say

    func answered(_ passage: Passage, _ number: Int, _ answer: FrameAnswer) {
        roamer.hear(.answered(passage.station.number))
        let arrived = Arrived(answer: answer, at: roamer.now)
        hear(.answered(number, arrived, isFinal: answer.isFinal))
    }

    func refused(_ passage: Passage, _ number: Int, _ fault: Fault) {
        let station = passage.station.number
        switch fault.code {
        case .unavailable: roamer.hear(.unavailable(station))
        case .exhausted: roamer.hear(.overloaded(station))
        default: roamer.hear(.answered(station))
        }
        hear(.refused(passage.number, number, fault))
    }

    /// The passage's call is over: `fault` is `nil` when that was meant to be.
    func closed(_ passage: Passage, _ fault: Fault?) {
        passages[passage.number] = nil
        if current === passage { current = nil }
        // What comes back leaves before what waits, so nothing leaves until all is back.
        isHeld = true
        hear(.closed(passage.number))
        isHeld = false
        if fault != nil { roamer.hear(.broke(passage.station.number)) }
        goOn()
    }

    /// The node does not let this client send frames: what is under way there has its answer.
    func forbidden(_ passage: Passage, _ fault: Fault) {
        for number in sent.keys.sorted() { hear(.refused(passage.number, number, fault)) }
        closed(passage, nil)
    }
}
