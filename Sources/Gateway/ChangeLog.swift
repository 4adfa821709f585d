import Ground
import Logging
import Node
import Routing

/// Says in words what has changed in one loop's view of the node: one line a change. Confined to
/// its loop.
final class ChangeLog {
    /// After so long without another one, a row of sheds is over. 5 s: an overload that comes and
    /// goes within that is one.
    static let quiet = Interval.seconds(5)

    private struct Shed {
        let task: String
        let workClass: WorkClass
        let since: Instant
        var last: Instant
        var count = 1
    }

    private let log: Logger
    private var sheds: [Shed] = []

    /// - Parameter loop: which loop of the node; said where there are several.
    init(_ log: Logger, loop: Int, of loops: Int) {
        var log = log
        if loops > 1 { log[metadataKey: "loop"] = "\(loop)" }
        self.log = log
    }

    /// Hears of one change.
    func note(
        _ change: Change, peers: [PeerRuntime], known: [Peer], tasks: [TaskRuntime], now: Instant
    ) {
        switch change {
        case .breaker(let peer, let state):
            breaker(peers[peer].name, state, until: known[peer].breaker.opensUntil, now: now)
        case .ejected(let peer, let isOut):
            say(
                isOut
                    ? "\(peers[peer].name) fails far more often than its like, and is left out"
                    : "\(peers[peer].name) is asked again like its like",
                peer: peers[peer].name, isBad: isOut)
        case .well(let peer, let isWell):
            say(
                isWell
                    ? "\(peers[peer].name) answers probes again"
                    : "\(peers[peer].name) does not answer probes, and is not preferred",
                peer: peers[peer].name, isBad: !isWell)
        case .panic(let task, let panics):
            panic(tasks[task].name, panics)
        case .shed(let task, let workClass): shed(tasks[task].name, workClass, now: now)
        }
    }

    /// Hears that a peer drains, or takes frames again.
    func note(draining: Bool, peer: String) {
        say(
            draining
                ? "\(peer) drains: it is asked nothing new" : "\(peer) takes frames again",
            peer: peer, isBad: false)
    }

    /// Time passes: rows of sheds come to their end.
    func tick(now: Instant) {
        guard !sheds.isEmpty else { return }
        for shed in sheds where now - shed.last >= Self.quiet {
            let time = Decimals.three((shed.last - shed.since).seconds)
            let words = "frames of '\(shed.task)' are let in again: \(shed.count) were turned away"
            log.notice(
                "\(words) in \(time) s",
                metadata: ["task": "\(shed.task)", "class": "\(shed.workClass.rawValue)"])
        }
        sheds.removeAll { now - $0.last >= Self.quiet }
    }

    private func breaker(
        _ peer: String, _ state: CircuitBreaker.State, until: Instant?, now: Instant
    ) {
        switch state {
        case .open:
            let time = until.map { Decimals.three(max(.zero, $0 - now).seconds) } ?? "?"
            say("\(peer) fails: it is not called for \(time) s", peer: peer, isBad: true)
        case .halfOpen:
            say("one call goes to \(peer), to see whether it is well", peer: peer, isBad: false)
        case .closed: say("\(peer) is well: it is called again", peer: peer, isBad: false)
        }
    }

    private func panic(_ task: String, _ panics: Bool) {
        let words =
            panics
            ? "most nodes that could answer '\(task)' seem unwell: all of them are asked"
            : "enough nodes that can answer '\(task)' are well again"
        log.log(level: panics ? .warning : .notice, "\(words)", metadata: ["task": "\(task)"])
    }

    private func shed(_ task: String, _ workClass: WorkClass, now: Instant) {
        let row = sheds.firstIndex { $0.task == task && $0.workClass == workClass }
        if let row {
            sheds[row].last = now
            sheds[row].count += 1
            return
        }
        sheds.append(Shed(task: task, workClass: workClass, since: now, last: now))
        let who = "frames of '\(task)' in class \(workClass.rawValue)"
        log.warning(
            "\(who) are turned away: there is no room for them",
            metadata: ["task": "\(task)", "class": "\(workClass.rawValue)"])
    }

    private func say(_ words: String, peer: String, isBad: Bool) {
        log.log(level: isBad ? .warning : .notice, "\(words)", metadata: ["peer": "\(peer)"])
    }
}
