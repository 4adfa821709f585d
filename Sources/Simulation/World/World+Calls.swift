import Ground
import Node
import Routing
import Topology

extension World {
    /// Bytes of an answer as HTTP/2 and TLS carry it, TCP's headers apart; of a request beside its
    /// payload; of a probe and of its answer. Measured between a real leaf and region, on the link.
    static let answerBytes = 465
    static let requestBytes = 320
    static let probeBytes = (up: 80, down: 120)
    /// Bytes of a cancellation or a refusal.
    static let noteBytes = 60

    mutating func call(_ shard: Int, _ place: Int, _ order: PeerCall, _ local: Instant) {
        let host = shards[shard].host
        let frame = shards[shard].frames[place]
        check(order, of: frame, shard, local)
        var call = Call()
        call.isOpen = true
        call.shard = shard
        call.frame = frame.id
        call.attempt = order.attempt
        call.peer = order.peer
        call.deadline = order.deadline
        call.madeAt = local
        call.remaining = order.deadline - local
        let id = calls.make(call)
        if frame.call == nil {
            shards[shard].frames[place].call = id
        } else {
            shards[shard].frames[place].beside = id
        }
        shards[shard].frames[place].peerBefore = frame.peer
        shards[shard].frames[place].peer = Int32(order.peer)
        tally.called(order)
        let link = hosts[host].peers[order.peer].link
        let bytes = loads[Int(frame.load)].bytes + Self.requestBytes
        if let arrival = links[link].send(bytes, up: true, now: now) {
            schedule(.callArrives, at: arrival, Int(id.index), id.generation)
        }
        let due = hosts[host].clock.world(of: order.deadline, now: now)
        schedule(.callExpires, at: due, Int(id.index), id.generation)
    }

    // MARK: At the peer

    mutating func callArrives(_ id: CallID) {
        guard let call = calls.get(id), let place = shards[call.shard].place(call.frame) else {
            return
        }
        occurrences += 1
        let from = shards[call.shard].host
        let (to, link) = hosts[from].peers[call.peer]
        let caller = shards[call.shard].frames[place]
        let task = hosts[from].tasks[Int(caller.task)].index
        guard hosts[to].state == .up, !isExpired(from) else {
            return giveBack(id, .failure(.unreachable))
        }
        guard hosts[to].blueprint != nil else { return foreignBegins(id, to, task) }
        guard hosts[to].ownTask[task] >= 0 else { return giveBack(id, .failure(.unserved)) }
        let range = hosts[to].shards
        let shard = range.lowerBound + call.shard % range.count
        var frame = SimulatedFrame()
        frame.origin = .call(id)
        frame.serial = caller.serial
        frame.load = caller.load
        let isIn = submit(shard, frame, task, .wait, call.remaining, source: links[link].source)
        if !isIn { giveBack(id, .failure(.overloaded)) }
    }

    private mutating func foreignBegins(_ id: CallID, _ host: Int, _ task: Int) {
        let frame = FrameID(slot: id.index, generation: id.generation)
        let job = Job(shard: -1, id: frame, task: Int32(task), urgent: false)
        if hosts[host].engine.isDown {
            giveBack(id, .failure(.unreachable))
        } else if !take(job, on: host) {
            giveBack(id, .failure(.overloaded))
        }
    }

    enum CallResult {
        case success(Answer)
        case failure(CallFailure)
    }

    /// Sends what came of a call back to the caller.
    mutating func giveBack(_ id: CallID, _ result: CallResult) {
        guard let call = calls.get(id) else { return }
        let bytes: Int
        switch result {
        case .success(let answer):
            calls[id.index].answer = answer
            bytes = Self.answerBytes
        case .failure(let why):
            calls[id.index].failure = why
            bytes = Self.noteBytes
        }
        let link = hosts[shards[call.shard].host].peers[call.peer].link
        if let arrival = links[link].send(bytes, up: false, now: now) {
            schedule(.callReturns, at: arrival, Int(id.index), id.generation)
        }
    }

    // MARK: At the caller

    mutating func callReturns(_ id: CallID) {
        guard let call = calls.get(id) else { return }
        occurrences += 1
        guard let answer = call.answer else {
            return end(id, call, .failed(attempt: call.attempt, call.failure))
        }
        end(
            id, call,
            .answered(
                attempt: call.attempt, accepted: answer.accepted, alert: nil, load: answer.load))
    }

    mutating func callExpires(_ id: CallID) {
        guard let call = calls.get(id) else { return }
        let due = hosts[shards[call.shard].host].clock.world(of: call.deadline, now: now)
        // The clock was set meanwhile.
        guard due <= now else {
            return schedule(.callExpires, at: due, Int(id.index), id.generation)
        }
        occurrences += 1
        tellPeer(call)
        end(id, call, .failed(attempt: call.attempt, .timeout))
    }

    private mutating func end(_ id: CallID, _ call: Call, _ event: FrameEvent) {
        calls.close(id.index)
        guard let place = drop(id, of: call) else { return }
        if case .answered = event {
            shards[call.shard].frames[place].upstream = call.answer
        } else {
            shards[call.shard].failedAt = now
        }
        hear(call.shard, .frame(call.frame, event))
        watch(call, event)
    }

    /// Takes a call from its frame, and says where that is.
    private mutating func drop(_ id: CallID, of call: Call) -> Int? {
        guard let place = shards[call.shard].place(call.frame) else { return nil }
        if shards[call.shard].frames[place].call == id {
            shards[call.shard].frames[place].call = nil
        } else if shards[call.shard].frames[place].beside == id {
            shards[call.shard].frames[place].beside = nil
        }
        return place
    }

    mutating func cancelCall(_ shard: Int, _ place: Int, _ attempt: UInt32) {
        let frame = shards[shard].frames[place]
        for id in [frame.call, frame.beside] {
            guard let id, let call = calls.get(id), call.attempt == attempt else { continue }
            _ = drop(id, of: call)
            // The peer's breaker may hold it against the peer.
            shards[shard].failedAt = now
            tellPeer(call)
            calls.close(id.index)
        }
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

/// Calls under way, in places that are used again.
struct Calls {
    private(set) var list: [Call] = []
    private var unused: [UInt32] = []
    /// Calls that are open.
    private(set) var open = 0

    mutating func make(_ call: Call) -> CallID {
        open += 1
        if let place = unused.popLast() {
            let generation = list[Int(place)].generation
            list[Int(place)] = call
            list[Int(place)].generation = generation
            return CallID(index: place, generation: generation)
        }
        list.append(call)
        return CallID(index: UInt32(list.count - 1), generation: 0)
    }

    func isOpen(_ index: UInt32, _ generation: UInt32) -> Bool {
        list[Int(index)].isOpen && list[Int(index)].generation == generation
    }

    /// The call, unless it is over.
    func get(_ id: CallID) -> Call? {
        isOpen(id.index, id.generation) ? list[Int(id.index)] : nil
    }

    subscript(index: UInt32) -> Call {
        _read { yield list[Int(index)] }
        _modify { yield &list[Int(index)] }
    }

    mutating func close(_ index: UInt32) {
        guard list[Int(index)].isOpen else { return }
        list[Int(index)].isOpen = false
        list[Int(index)].generation &+= 1
        open -= 1
        unused.append(index)
    }
}
