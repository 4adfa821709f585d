import Alerts
import EventLoop
import Ground

/// A shard's way to the node's desk of alerts. On the desk's own loop nothing is posted, so that an
/// alert has left before the frame's next effect.
struct AlertLink {
    private let desk: LoopConfined<AlertDesk>
    private let shard: Int

    /// - Parameter shard: number of the loop, by which conditions are told apart.
    init(_ desk: LoopConfined<AlertDesk>, shard: Int) {
        self.desk = desk
        self.shard = shard
    }

    /// A frame of `task`, received at `since`, shows what the task alerts of.
    func detected(_ detection: Detection, task: Int, since: Instant) {
        tell { $0.detected(detection, task: task, since: since) }
    }

    /// A condition of the node is there, or is over.
    func set(_ condition: String, _ subject: String, _ isThere: Bool) {
        let (key, shard) = (Conditions.Key(condition, subject), shard)
        tell { isThere ? $0.began(key, by: shard) : $0.ended(key, by: shard) }
    }

    /// Something happened that is a condition when it happens again and again.
    func happened(_ condition: String, _ subject: String) {
        let key = Conditions.Key(condition, subject)
        tell { $0.happened(key) }
    }

    private func tell(_ body: @escaping @Sendable (AlertDesk) -> Void) {
        if desk.poster.isOnLoop { body(desk.onLoop) } else { desk.post(body) }
    }
}
