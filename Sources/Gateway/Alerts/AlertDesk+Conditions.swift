import Alerts
import EventLoop
import Ground
import Node
import Topology

extension AlertDesk {
    /// A loop says that a condition is there.
    func began(_ key: Conditions.Key, by shard: Int) {
        report(conditions.began(key, by: shard, now: loop.time.now))
    }

    /// A loop says that it is over.
    func ended(_ key: Conditions.Key, by shard: Int) {
        report(conditions.ended(key, by: shard, now: loop.time.now))
    }

    /// It happened and is over at once.
    func happened(_ key: Conditions.Key) {
        report(conditions.happened(key, now: loop.time.now))
    }

    /// What concerns a peer or a task that a new topology leaves out is over.
    func forget(allBut blueprint: Blueprint) {
        let peers = blueprint.peers.filter { !$0.isRetired }.map(\.plan.name)
        let tasks = blueprint.tasks.filter { !$0.isRetired }.map(\.name)
        let subjects = Set(peers + tasks + [""])
        conditions.end(now: loop.time.now) { !subjects.contains($0.subject) }
        report([])
    }

    private func report(_ transitions: [Conditions.Transition]) {
        for transition in transitions {
            let key = transition.key
            switch transition.change {
            case .raised:
                incidents.began(key.condition, key.subject, at: loop.time.wall)
                let id = ids.id(condition: key.condition, subject: key.subject)
                raised[key] = id
                send(key, .raised, id)
            case .cleared:
                incidents.ended(key.condition, key.subject, at: loop.time.wall)
                guard let id = raised.removeValue(forKey: key) else { continue }
                send(key, .cleared, AlertIDs.cleared(id))
            }
        }
        timer?.cancel()
        timer = conditions.due.map { due in
            loop.schedule(at: due) { [weak self] in
                guard let self else { return }
                report(conditions.check(now: loop.time.now))
            }
        }
    }

    private func send(_ key: Conditions.Key, _ state: ConditionReport.State, _ id: String) {
        metrics.operatorAlert()
        let report = ConditionReport(condition: key.condition, subject: key.subject, state: state)
        send(
            Alert(
                id: id, origin: origin, time: loop.time.wall, since: loop.time.now,
                content: .condition(report)), by: operatorRoute)
    }
}

extension Hysteresis.Rule {
    init(_ plan: OperatorAlertPlan) {
        self.init(hold: plan.hold, repeats: plan.repeats, quiet: plan.quiet)
    }
}
