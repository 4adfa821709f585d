import Ground
import Node
import Routing
import Topology

/// What the world needs of a load, as plain numbers.
struct LoadTraits {
    var task: Int
    var mode: Mode
    var workClass: WorkClass
    var deadline: Interval
    var bytes: Int
    var unsure: Double
    var alarming: Double

    init(_ plan: LoadPlan, _ topology: Topology) {
        task = plan.task
        mode = (plan.mode ?? topology.tasks[plan.task].mode) == .wait ? .wait : .refine
        workClass = WorkClass(rawValue: plan.urgency.rawValue) ?? .realtime
        deadline = topology.tasks[plan.task].deadline
        bytes = plan.bytes
        unsure = plan.unsure
        alarming = plan.alarming
    }
}

extension World {
    // MARK: Cameras

    mutating func cameraSends(_ index: Int, _ generation: UInt32) {
        guard cameras[index].generation == generation else { return }
        occurrences += 1
        let number = cameras[index].load
        if let pause = cameras[index].pause(rhythms[number], now: now) {
            schedule(.cameraSends, at: now + pause, index, generation)
        }
        let host = cameras[index].host
        let load = loads[number]
        serial += 1
        tally.sent(site: hosts[host].site, task: load.task, now: now)
        guard hosts[host].state == .up else {
            return tally.lost(site: hosts[host].site, task: load.task, now: now)
        }
        if settings.planted.owing == .stopsAtExpiry, isExpired(host) {
            return checkAlone(host, since: now, "a frame was turned away", frame: serial)
        }
        var frame = SimulatedFrame()
        frame.origin = .camera(UInt32(index))
        frame.serial = serial
        frame.load = Int32(number)
        if !submit(shard(ofCamera: index), frame, load.task, load.mode, load.deadline, source: 0) {
            tally.refused(.overload, site: hosts[host].site, task: load.task, now: now)
            checkAlone(host, since: now, "a frame was not let in", frame: serial)
        }
    }

    /// A camera's connection stays on its loop.
    @inline(__always)
    func shard(ofCamera index: Int) -> Int {
        let shards = hosts[cameras[index].host].shards
        return shards.lowerBound + index % shards.count
    }

    /// Gives a frame to a shard; false when it takes none.
    mutating func submit(
        _ shard: Int, _ frame: SimulatedFrame, _ task: Int, _ mode: Mode, _ remaining: Interval,
        source: Int, workClass: WorkClass? = nil
    ) -> Bool {
        guard let id = shards[shard].node.admit() else { return false }
        if settings.keepsLogs { shards[shard].log?.admitted(id) }
        let host = shards[shard].host
        let load = loads[Int(frame.load)]
        var frame = frame
        frame.id = id
        frame.isThere = true
        frame.workClass = workClass ?? load.workClass
        frame.task = Int32(hosts[host].ownTask[task])
        frame.source = Int32(source)
        frame.since = now
        frame.deadline = clock(of: host) + remaining
        let slot = Int(id.slot)
        while shards[shard].frames.count <= slot { shards[shard].frames.append(SimulatedFrame()) }
        shards[shard].frames[slot] = frame
        var isEntry = false
        switch frame.origin {
        case .camera: isEntry = true
        case .call(let call): calls[call.index].there = (shard, id, hosts[host].starts)
        case .owed: break
        }
        let arrival = Arrival(
            task: Int(frame.task), mode: mode, workClass: frame.workClass, source: source,
            deadline: frame.deadline, bytes: load.bytes, isEntry: isEntry)
        hear(shard, .arrived(id, arrival))
        return true
    }

    // MARK: Engines

    mutating func infer(_ shard: Int, _ place: Int) {
        let host = shards[shard].host
        let id = shards[shard].frames[place].id
        let task = hosts[host].tasks[Int(shards[shard].frames[place].task)]
        shards[shard].frames[place].began = true
        if task.isIdentity {
            return schedule(
                .identityEnds, at: now, shard, id.slot, id.generation)
        }
        guard !hosts[host].engine.isDown, !hosts[host].engine.isStuck(now: now) else {
            return refuseInference(shard, id, .unavailable)
        }
        let urgent = shards[shard].frames[place].workClass == .realtime
        let job = Job(shard: Int32(shard), id: id, task: Int32(task.index), urgent: urgent)
        if !take(job, on: host) { refuseInference(shard, id, .overload) }
    }

    /// Gives a job to an engine; false when it has no room.
    mutating func take(_ job: Job, on host: Int) -> Bool {
        guard let worker = hosts[host].engine.begin(job) else {
            return hosts[host].engine.wait(job)
        }
        work(worker, on: job, at: host)
        return true
    }

    private mutating func refuseInference(_ shard: Int, _ id: FrameID, _ why: InferenceFailure) {
        let number = InferenceFailure.all.firstIndex(of: why) ?? 0
        schedule(.inferenceFails, at: now, shard, id.slot, id.generation, UInt32(number))
    }

    private mutating func work(_ worker: Int, on job: Job, at host: Int) {
        guard !hosts[host].engine.isWedged else {
            hosts[host].engine.stuckSince = hosts[host].engine.stuckSince ?? now
            return
        }
        let end = now + hosts[host].engine.serviceTime(of: Int(job.task))
        schedule(.inferenceEnds, at: end, host, UInt32(worker), 0, hosts[host].engine.epoch)
    }

    mutating func inferenceEnds(_ host: Int, _ worker: Int, epoch: UInt32) {
        guard hosts[host].engine.epoch == epoch, let job = hosts[host].engine.end(worker) else {
            return
        }
        occurrences += 1
        while let next = hosts[host].engine.next() {
            guard isWanted(next, at: host) else {
                tell(next, .deadline)
                continue
            }
            _ = take(next, on: host)
        }
        guard job.shard >= 0 else {
            let answer = Answer(tier: hosts[host].tier, accepted: true, degraded: nil)
            return giveBack(
                CallID(index: job.id.slot, generation: job.id.generation), .success(answer))
        }
        let shard = Int(job.shard)
        guard let place = shards[shard].place(job.id), !shards[shard].frames[place].isCancelled
        else {
            // Nobody wants it, but a worker is free again.
            return hear(shard, .frame(job.id, .inferenceFailed(.deadline)))
        }
        let (confidence, alert) = scores(of: shards[shard].frames[place], at: host)
        hear(shard, .frame(job.id, .inferred(confidence, alert: alert)))
    }

    @inline(__always)
    private func isWanted(_ job: Job, at host: Int) -> Bool {
        guard job.shard >= 0 else { return calls.isOpen(job.id.slot, job.id.generation) }
        guard let place = shards[Int(job.shard)].place(job.id) else { return false }
        let frame = shards[Int(job.shard)].frames[place]
        return !frame.isCancelled && clock(of: host) < frame.deadline
    }

    /// Tells whoever waits for a job that nothing comes of it.
    mutating func tell(_ job: Job, _ why: InferenceFailure) {
        guard job.shard < 0 else { return refuseInference(Int(job.shard), job.id, why) }
        giveBack(
            CallID(index: job.id.slot, generation: job.id.generation), .failure(.unreachable))
    }

    mutating func identityEnds(_ shard: Int, _ id: FrameID) {
        occurrences += 1
        hear(shard, .frame(id, .inferred(nil)))
    }

    mutating func inferenceFails(_ shard: Int, _ id: FrameID, _ why: UInt32) {
        occurrences += 1
        hear(shard, .frame(id, .inferenceFailed(InferenceFailure.all[Int(why)])))
    }

    /// How sure the tier's model is of a frame, and of what the task alerts of: the same frame
    /// gives the same again.
    @inline(__always)
    private func scores(
        of frame: SimulatedFrame, at host: Int
    ) -> (Confidence, alert: Confidence?) {
        let load = loads[Int(frame.load)]
        let task = hosts[host].tasks[Int(frame.task)]
        var draws = Randomness(
            seed: Randomness.seed(seed &+ frame.serial, Stream.frame, hosts[host].tier.rank))
        let place = draws.unit()
        let alert = Confidence(
            draws.unit() < load.alarming ? task.alert + (1 - task.alert) * draws.unit() : 0.01)
        let score: Double
        if let bar = task.bar?.value {
            score =
                place < load.unsure
                ? bar * (0.2 + 0.799 * place / load.unsure)
                : bar + (1 - bar) * (place - load.unsure) / (1 - load.unsure)
        } else {
            score = place
        }
        return (Confidence(score), task.alert > 1 ? nil : alert)
    }
}

extension InferenceFailure {
    static let all: [Self] = [.invalid, .overload, .deadline, .unavailable]
}
