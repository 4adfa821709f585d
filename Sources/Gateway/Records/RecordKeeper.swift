import EventLoop
import Ground
import Logging
import Records

/// Lets a node's store forget what is past its term. Confined to the first loop; the work is off
/// it.
final class RecordKeeper {
    /// Time between two purges: what is past its term is gone well within an hour.
    private static let pause = Interval.seconds(600)
    /// A node that starts has other things to do first.
    private static let firstPause = Interval.seconds(5)

    private let store: RecordStore
    private let log: Logger

    init(_ store: RecordStore, _ log: Logger) {
        self.store = store
        self.log = log
    }

    /// Purges now and then, for as long as the loop runs.
    func start(on loop: Loop) {
        loop.schedule(after: Self.firstPause) { self.run(on: loop, sweeping: true) }
    }

    private func run(on loop: Loop, sweeping: Bool) {
        let (store, now) = (store, loop.time.wall)
        do throws(Fault) {
            try loop.offLoop {
                Result { () throws(Fault) in
                    if sweeping { _ = try store.sweep() }
                    return try store.purge(now: now)
                }
            } completion: { [log] (result: Result<[Purged], Fault>) in
                Self.tell(result, log)
            }
        } catch {
            log.warning("records past their term are purged later: \(error)")
        }
        loop.schedule(after: Self.pause) { self.run(on: loop, sweeping: false) }
    }

    private static func tell(_ result: Result<[Purged], Fault>, _ log: Logger) {
        switch result {
        case .success(let purged):
            for one in purged {
                log.notice(
                    "\(one.count) \(one.kind) were past their term and are purged",
                    metadata: ["bytes": "\(one.bytes)"])
            }
        case .failure(let fault):
            log.error("records past their term are still there: \(fault)")
        }
    }
}
