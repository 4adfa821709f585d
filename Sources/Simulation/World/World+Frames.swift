import Ground
import Node
import Routing
import Topology

extension World {
    // MARK: Cameras

    mutating func cameraSends(_ index: Int, _ generation: UInt32) {
        guard cameras[index].generation == generation else { return }
        occurrences += 1
        let load = scenario.loads[cameras[index].load]
        if let pause = cameras[index].pause(load, now: now) {
            schedule(.cameraSends, at: now + pause, index, generation)
        }
        let host = cameras[index].host
        serial += 1
        tally.sent(site: hosts[host].site, task: load.task, now: now)
        guard hosts[host].state == .up else {
            return tally.lost(site: hosts[host].site, task: load.task, now: now)
        }
        let range = hosts[host].shards
        // A camera's connection stays on its loop.
        let shard = range.lowerBound + index % range.count
        let plan = topology.tasks[load.task]
        var frame = SimulatedFrame()
        frame.origin = .camera(index)
        frame.serial = serial
        frame.load = cameras[index].load
        frame.bytes = load.bytes
        let mode = load.mode ?? plan.mode
        let isIn = submit(
            shard, frame, task: load.task, mode: mode == .wait ? .wait : .refine,
            remaining: plan.deadline)
        if !isIn {
            tally.refused(.overload, site: hosts[host].site, task: load.task, now: now)
        }
    }

    /// Gives a frame to a shard; false when it takes none.
    mutating func submit(
        _ shard: Int, _ frame: SimulatedFrame, task: Int, mode: Mode, remaining: Interval
    ) -> Bool {
        guard let id = shards[shard].node.admit() else { return false }
        let host = shards[shard].host
        var frame = frame
        frame.id = id
        frame.isThere = true
        frame.task = hosts[host].ownTask[task]
        frame.since = now
        frame.deadline = clock(of: host) + remaining
        let slot = Int(id.slot)
        while shards[shard].frames.count <= slot { shards[shard].frames.append(SimulatedFrame()) }
        shards[shard].frames[slot] = frame
        if case .call(let index, _) = frame.origin {
            calls[index].there = (shard, id, hosts[host].starts)
        }
        hear(
            shard,
            .arrived(
                id,
                Arrival(
                    task: frame.task, mode: mode, deadline: frame.deadline, bytes: frame.bytes)))
        return true
    }

    // MARK: Engines

    mutating func infer(_ shard: Int, _ place: Int) {
        let host = shards[shard].host
        let frame = shards[shard].frames[place]
        let task = hosts[host].tasks[frame.task]
        if topology.tasks[task].tier(hosts[host].plan.tier)?.model == .identity {
            return schedule(
                .inferenceEnds, at: now, shard, frame.id.slot, frame.id.generation, .max)
        }
        guard !hosts[host].engine.isDown, !hosts[host].engine.isStuck(now: now) else {
            return refuseInference(shard, frame.id, .unavailable)
        }
        shards[shard].frames[place].isInferring = true
        let load = scenario.loads[frame.load]
        let job = Job(
            shard: shard, id: frame.id, task: task, urgent: load.urgency == .realtime, at: now)
        if hosts[host].engine.hasRoom {
            begin(job, on: host)
        } else if !hosts[host].engine.wait(job) {
            refuseInference(shard, frame.id, .overload)
        }
    }

    private mutating func refuseInference(_ shard: Int, _ id: FrameID, _ why: InferenceFailure) {
        let number = InferenceFailure.all.firstIndex(of: why) ?? 0
        schedule(.inferenceFails, at: now, shard, id.slot, id.generation, UInt32(number))
    }

    mutating func begin(_ job: Job, on host: Int) {
        hosts[host].engine.busy += 1
        guard !hosts[host].engine.isWedged else {
            hosts[host].engine.stuckSince = hosts[host].engine.stuckSince ?? now
            return
        }
        let end = now + hosts[host].engine.serviceTime(of: job.task)
        let epoch = hosts[host].engine.epoch
        if let shard = job.shard {
            schedule(.inferenceEnds, at: end, shard, job.id.slot, job.id.generation, epoch)
        } else {
            schedule(.foreignEnds, at: end, host, job.id.slot, job.id.generation, epoch)
        }
    }

    /// A worker is free: the next job that somebody still wants begins.
    mutating func workerIsFree(_ host: Int) {
        hosts[host].engine.busy -= 1
        while hosts[host].engine.hasRoom, let job = hosts[host].engine.next() {
            guard let shard = job.shard else {
                if calls.get(job.id.slot, job.id.generation) != nil { begin(job, on: host) }
                continue
            }
            guard let place = shards[shard].place(job.id) else { continue }
            let frame = shards[shard].frames[place]
            if frame.isCancelled { continue }
            if clock(of: host) >= frame.deadline {
                refuseInference(shard, job.id, .deadline)
                continue
            }
            begin(job, on: host)
        }
    }

    mutating func inferenceEnds(_ shard: Int, _ id: FrameID, epoch: UInt32) {
        let host = shards[shard].host
        if epoch != .max {
            guard hosts[host].engine.epoch == epoch else { return }
            workerIsFree(host)
        }
        occurrences += 1
        guard let place = shards[shard].place(id) else { return }
        shards[shard].frames[place].isInferring = false
        let frame = shards[shard].frames[place]
        if frame.isCancelled { return }
        hear(shard, .frame(id, .inferred(epoch == .max ? nil : confidence(of: frame, at: host))))
    }

    mutating func inferenceFails(_ shard: Int, _ id: FrameID, _ why: UInt32) {
        occurrences += 1
        guard let place = shards[shard].place(id) else { return }
        shards[shard].frames[place].isInferring = false
        hear(shard, .frame(id, .inferenceFailed(InferenceFailure.all[Int(why)])))
    }

    /// How sure the tier's model is of a frame: the same frame gives the same again.
    private func confidence(of frame: SimulatedFrame, at host: Int) -> Confidence {
        let plan = hosts[host].plan
        let task = hosts[host].tasks[frame.task]
        var draws = Randomness(
            seed: Randomness.seed(seed &+ frame.serial, Stream.frame, plan.tier.rank))
        let place = draws.unit()
        let unsure = scenario.loads[frame.load].unsure
        let bar = topology.tasks[task].tier(plan.tier).map(Self.bar) ?? nil
        guard let bar else { return Confidence(place) }
        guard place < unsure else {
            return Confidence(bar + (1 - bar) * (place - unsure) / (1 - unsure))
        }
        return Confidence(bar * (0.2 + 0.799 * place / unsure))
    }

    /// The bar that a tier's answers must reach. One that follows from a risk is in the bundle,
    /// which the simulator does not read: 0.9 stands for it.
    static func bar(_ tier: TierPlan) -> Double? {
        switch tier.accept {
        case .confidence(let value)?: value
        case .risk?: 0.9
        case nil: nil
        }
    }
}

extension InferenceFailure {
    static let all: [Self] = [.invalid, .overload, .deadline, .unavailable]
}
