import Ground
import Node
import Routing
import Topology

extension World {
    /// Bytes of an answer with its headers, as protocols carry it.
    static let answerBytes = 500
    /// Bytes that a request has beside its payload.
    static let requestBytes = 400
    /// Bytes of a cancellation or a refusal.
    static let noteBytes = 60

    mutating func call(
        _ shard: Int, _ place: Int, peer: Int, _ attempt: UInt32, _ deadline: Instant,
        _ purpose: Purpose, _ local: Instant
    ) {
        let host = shards[shard].host
        let frame = shards[shard].frames[place]
        count(call: attempt, of: frame, shard, peer: peer, local)
        var call = Call()
        call.isOpen = true
        call.shard = shard
        call.frame = frame.id
        call.attempt = attempt
        call.peer = peer
        call.deadline = deadline
        call.madeAt = local
        call.remaining = deadline - local
        let index = calls.make(call)
        let generation = calls[index].generation
        shards[shard].frames[place].call = (index, generation)
        shards[shard].frames[place].upstream = nil
        shards[shard].frames[place].peer = peer
        tally.called(purpose, bytes: frame.bytes, site: hosts[host].site, now: now)
        let link = hosts[host].peers[peer].link
        if let arrival = links[link].send(frame.bytes + Self.requestBytes, up: true, now: now) {
            schedule(.callArrives, at: arrival, Int(index), generation)
        }
        schedule(
            .callExpires, at: hosts[host].clock.world(of: deadline, now: now), Int(index),
            generation)
    }

    private mutating func count(
        call attempt: UInt32, of frame: SimulatedFrame, _ shard: Int, peer: Int, _ local: Instant
    ) {
        if attempt > 2 {
            fail(
                .attemptsBounded, shard, "call \(attempt) of one frame", frame: frame.serial,
                peer: peer)
        }
        if let words = shards[shard].watch.called(retry: attempt > 1, now: local) {
            fail(.retriesBounded, shard, words, frame: frame.serial, peer: peer)
        }
    }

    // MARK: At the peer

    mutating func callArrives(_ index: UInt32, _ generation: UInt32) {
        guard let call = calls.get(index, generation) else { return }
        occurrences += 1
        let from = shards[call.shard].host
        let to = hosts[from].peers[call.peer].host
        guard hosts[to].state == .up else { return fail(call: index, generation, .unreachable) }
        guard let place = shards[call.shard].place(call.frame) else { return }
        let caller = shards[call.shard].frames[place]
        let task = hosts[from].tasks[caller.task]
        guard hosts[to].blueprint != nil else { return foreignBegins(index, generation, to, task) }
        guard hosts[to].ownTask[task] >= 0 else { return fail(call: index, generation, .unserved) }
        let range = hosts[to].shards
        let shard = range.lowerBound + call.shard % range.count
        var frame = SimulatedFrame()
        frame.origin = .call(index, generation: generation)
        frame.serial = caller.serial
        frame.load = caller.load
        frame.bytes = caller.bytes
        let isIn = submit(shard, frame, task: task, mode: .wait, remaining: call.remaining)
        if !isIn { fail(call: index, generation, .overloaded) }
    }

    private mutating func foreignBegins(
        _ index: UInt32, _ generation: UInt32, _ host: Int, _ task: Int
    ) {
        let job = Job(
            shard: nil, id: FrameID(slot: index, generation: generation), task: task,
            urgent: false, at: now)
        if hosts[host].engine.isDown { return fail(call: index, generation, .unreachable) }
        if hosts[host].engine.hasRoom {
            begin(job, on: host)
        } else if !hosts[host].engine.wait(job) {
            fail(call: index, generation, .overloaded)
        }
    }

    mutating func foreignEnds(_ host: Int, _ id: FrameID, epoch: UInt32) {
        guard hosts[host].engine.epoch == epoch else { return }
        workerIsFree(host)
        occurrences += 1
        giveBack(
            id.slot, id.generation,
            .success(Answer(tier: hosts[host].plan.tier, accepted: true, degraded: nil)))
    }

    private mutating func fail(call index: UInt32, _ generation: UInt32, _ why: CallFailure) {
        giveBack(index, generation, .failure(why))
    }

    /// Sends what came of a call back to the caller.
    mutating func giveBack(
        _ index: UInt32, _ generation: UInt32, _ result: CallResult
    ) {
        guard let call = calls.get(index, generation) else { return }
        let bytes: Int
        switch result {
        case .success(let answer):
            calls[index].answer = answer
            bytes = Self.answerBytes
        case .failure(let why):
            calls[index].failure = why
            bytes = Self.noteBytes
        }
        let link = hosts[shards[call.shard].host].peers[call.peer].link
        if let arrival = links[link].send(bytes, up: false, now: now) {
            schedule(.callReturns, at: arrival, Int(index), generation)
        }
    }

    enum CallResult {
        case success(Answer)
        case failure(CallFailure)
    }

    // MARK: At the caller

    mutating func callReturns(_ index: UInt32, _ generation: UInt32) {
        guard let call = calls.get(index, generation) else { return }
        occurrences += 1
        if let answer = call.answer {
            end(index, call, .answered(attempt: call.attempt, accepted: answer.accepted))
        } else {
            end(index, call, .failed(attempt: call.attempt, call.failure))
        }
    }

    mutating func callExpires(_ index: UInt32, _ generation: UInt32) {
        guard let call = calls.get(index, generation) else { return }
        let host = shards[call.shard].host
        let due = hosts[host].clock.world(of: call.deadline, now: now)
        // The clock was set meanwhile.
        guard due <= now else { return schedule(.callExpires, at: due, Int(index), generation) }
        occurrences += 1
        tellPeer(call)
        end(index, call, .failed(attempt: call.attempt, .timeout))
    }

    private mutating func end(_ index: UInt32, _ call: Call, _ event: FrameEvent) {
        calls.close(index)
        guard let place = shards[call.shard].place(call.frame) else { return }
        shards[call.shard].frames[place].call = nil
        shards[call.shard].frames[place].upstream = call.answer
        if call.answer == nil { shards[call.shard].failedAt = now }
        if settings.planted.forgetsOutcomes, serial % 3 == 0 { return }
        hear(call.shard, .frame(call.frame, event))
        watch(call, event)
    }

    private mutating func watch(_ call: Call, _ event: FrameEvent) {
        let host = shards[call.shard].host
        let failed: Bool
        switch event {
        case .answered: failed = false
        case .failed(_, .unreachable), .failed(_, .timeout): failed = true
        default: return
        }
        let words = shards[call.shard].watch.ended(
            peer: call.peer, failed: failed, began: call.madeAt, now: clock(of: host),
            breaker: shards[call.shard].node.peers[call.peer].breaker)
        if let words { fail(.breakerOpens, call.shard, words, peer: call.peer) }
    }

    mutating func cancelCall(_ shard: Int, _ place: Int, _ attempt: UInt32) {
        guard let (index, generation) = shards[shard].frames[place].call,
            let call = calls.get(index, generation), call.attempt == attempt
        else { return }
        shards[shard].frames[place].call = nil
        // The peer's breaker may hold it against the peer.
        shards[shard].failedAt = now
        tellPeer(call)
        calls.close(index)
    }

    /// Lets the peer know that nobody wants its answer any more.
    mutating func tellPeer(_ call: Call) {
        guard let there = call.there else { return }
        let link = hosts[shards[call.shard].host].peers[call.peer].link
        guard let arrival = links[link].send(Self.noteBytes, up: true, now: now) else { return }
        schedule(
            .cancelArrives, at: arrival, there.shard, there.id.slot, there.id.generation,
            there.incarnation)
    }

    mutating func cancelArrives(_ shard: Int, _ id: FrameID, incarnation: UInt32) {
        guard hosts[shards[shard].host].starts == incarnation,
            let place = shards[shard].place(id)
        else { return }
        occurrences += 1
        shards[shard].frames[place].isGivenUp = true
        hear(shard, .frame(id, .cancelled))
    }
}
