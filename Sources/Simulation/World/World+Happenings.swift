import Ground
import Node
import Routing
import Topology

extension World {
    /// A happening begins (`phase` 0), ends (1), its link flaps (2), or a node's turn has
    /// come (3 and its number).
    mutating func happens(_ index: Int, _ phase: Int) {
        let happening = scenario.happenings[index]
        occurrences += 1
        if phase == 2 { return flap(index, happening) }
        if phase >= 3 { return restart(phase - 3, happening) }
        if !happening.isHarmless { wellSince = nil }
        let begins = phase == 0
        if begins {
            active.append(index)
            if let lasts = happening.lasts {
                schedule(.happens, at: now + UInt64(lasts.nanoseconds), index, 1)
            }
        } else {
            active.removeAll { $0 == index }
        }
        recorder?.note(happening.words + (begins ? "" : ": over"), at: now)
        change(happening, index, begins: begins)
    }

    private mutating func change(_ happening: Happening, _ index: Int, begins: Bool) {
        switch happening.what {
        case .partition(let sides): refreshLinks(sides)
        case .link(let sides, _, let flap):
            flapped[index] = false
            refreshLinks(sides)
            if begins, flap != nil { self.flap(index, happening) }
        case .slow(let target, _): for host in target.nodes { refreshSpeed(host) }
        case .crash(let target): for host in target.nodes { crash(host, begins) }
        case .wedge(let target): for host in target.nodes { wedge(host, begins) }
        case .kill(let target):
            for host in target.nodes {
                if begins { kill(host) } else { hostStarts(host, starts: hosts[host].starts) }
            }
        case .restart(let target):
            guard begins else { return }
            for number in target.nodes.indices {
                let wait = UInt64(happening.apart.nanoseconds) * UInt64(number)
                schedule(.happens, at: now + wait, index, UInt32(3 + number))
            }
        case .clock(let target, let step, let drift):
            for host in target.nodes { setClock(host, step: step, drift: drift, begins) }
        case .load(let target, let task, _): for host in target.nodes { refreshLoad(host, task) }
        }
    }

    /// Restarts one of the happening's nodes, whose turn has come.
    private mutating func restart(_ number: Int, _ happening: Happening) {
        guard case .restart(let target) = happening.what else { return }
        drain(target.nodes[number], away: happening.lasts)
    }

    // MARK: Links

    private mutating func flap(_ index: Int, _ happening: Happening) {
        guard active.contains(index), case .link(let sides, _, let flap?) = happening.what else {
            return
        }
        flapped[index].toggle()
        refreshLinks(sides)
        schedule(.happens, at: now + UInt64(flap.nanoseconds) / 2, index, 2)
    }

    /// Makes links what they usually are, and then what is happening to them, in order.
    private mutating func refreshLinks(_ sides: Sides) {
        for place in links.indices where sides.joins(links[place].from, links[place].to) {
            links[place].traits = links[place].usual
            links[place].isCut = false
            for index in active { apply(index, to: place) }
        }
    }

    private mutating func apply(_ index: Int, to place: Int) {
        let link = (links[place].from, links[place].to)
        switch scenario.happenings[index].what {
        case .partition(let sides) where sides.joins(link.0, link.1): links[place].isCut = true
        case .link(let sides, let traits, _) where sides.joins(link.0, link.1):
            links[place].traits.take(traits)
            if flapped[index] { links[place].isCut = true }
        default: break
        }
    }

    // MARK: Engines

    private mutating func refreshSpeed(_ host: Int) {
        hosts[host].engine.slowness = active.reduce(1) { product, index in
            guard case .slow(let target, let times) = scenario.happenings[index].what,
                target.has(host)
            else { return product }
            return product * times
        }
    }

    private mutating func crash(_ host: Int, _ begins: Bool) {
        guard begins else { return reload(host) }
        hosts[host].engine.isDown = true
        hosts[host].readyAt = .max
        dropJobs(host)
        guard let blueprint = hosts[host].blueprint, hosts[host].state != .down else { return }
        for shard in hosts[host].shards {
            for task in blueprint.tasks.indices where blueprint.tasks[task].tier != nil {
                hear(shard, .modelLost(task: task))
            }
        }
    }

    private mutating func wedge(_ host: Int, _ begins: Bool) {
        hosts[host].engine.isWedged = begins
        guard !begins else { return }
        dropJobs(host)
        reload(host)
    }

    private mutating func reload(_ host: Int) {
        schedule(
            .modelLoaded, at: now + hosts[host].engine.load, host, hosts[host].engine.epoch)
    }

    /// Ends an engine; whoever waits for it hears that.
    private mutating func dropJobs(_ host: Int) {
        for job in hosts[host].engine.reset() { tell(job, .unavailable) }
    }

    // MARK: Clocks and load

    private mutating func setClock(_ host: Int, step: Interval, drift: Int, _ begins: Bool) {
        if begins, step != .zero { hosts[host].clock.step(by: step, now: now) }
        if drift != 0 { hosts[host].clock.setDrift(begins ? drift : 0, now: now) }
        for shard in hosts[host].shards {
            dozes[shard] = 0
            for place in shards[shard].frames.indices where shards[shard].frames[place].isThere {
                if begins, step > .zero { shards[shard].frames[place].isJolted = true }
                if shards[shard].frames[place].alarmAt != .max { setAlarm(shard, place) }
            }
        }
        // Calls whose time is over earlier now; those whose time is over later ask again.
        for index in calls.list.indices where calls.list[index].isOpen {
            let call = calls.list[index]
            guard shards[call.shard].host == host else { continue }
            let due = hosts[host].clock.world(of: call.deadline, now: now)
            schedule(.callExpires, at: due, index, call.generation)
        }
    }

    /// Has the cameras of a host send as often as what is happening says, from now on.
    private mutating func refreshLoad(_ host: Int, _ task: Int?) {
        for index in cameras.indices where cameras[index].host == host {
            let load = cameras[index].load
            let own = loads[load].task
            guard task ?? own == own else { continue }
            cameras[index].times = active.reduce(1) { product, happening in
                guard
                    case .load(let target, let task, let times) =
                        scenario.happenings[happening].what,
                    target.has(host), task ?? own == own
                else { return product }
                return product * times
            }
            cameras[index].generation += 1
            guard let pause = cameras[index].pause(rhythms[load], now: now) else { continue }
            schedule(.cameraSends, at: now + pause, index, cameras[index].generation)
        }
    }
}
