import EventLoop
import Ground
import Logging
import Node
import Routing

/// Writes down what one shard hears and does, and never keeps its loop: pieces are written by other
/// threads. When the log is full, or the disk fails or is too slow, it ends there and the log says
/// so; the node goes on.
///
/// Confined to its loop.
final class ShardRecord {
    /// A log goes to the disk in pieces of this size, and at each tick what there is.
    private static let piece = 64 << 10
    /// Bytes that may wait for the disk: a second or so of the busiest loop.
    private static let mostBehind = 4 << 20

    private let loop: Loop
    private let number: Int
    private let limit: Int
    private let file: RecordFile
    private let notes: Logger
    private var log: EventLog
    /// Bytes that have gone to the file.
    private var given = 0
    private var isWriting = false
    private var isOver = false

    init(
        _ recording: Recording, _ header: EventLog.Header, on loop: Loop, _ notes: Logger
    ) throws(Fault) {
        self.loop = loop
        self.notes = notes
        number = header.place.number
        limit = recording.limit
        file = try RecordFile(recording.log(of: number))
        log = EventLog(header)
    }

    func append(_ event: Event, at now: Instant, _ effects: Effects) {
        guard !isOver else { return }
        log.append(event, at: now, effects)
        if log.count >= Self.piece { flush(now) }
    }

    func admitted(_ id: FrameID) {
        if !isOver { log.admitted(id) }
    }

    func adopted(_ topology: Digest, at now: Instant) {
        if !isOver { log.adopted(topology, at: now) }
    }

    /// Has what there is written.
    func flush(_ now: Instant) {
        guard !isOver, log.count > 0 else { return }
        if given + log.count >= limit {
            end(.bound, "it is as long as it may be, \(limit >> 20) MiB", now)
        } else if file.behind > Self.mostBehind {
            end(.disk, "the disk does not keep up", now)
        }
        give()
    }

    /// The node ends: writes the rest, and waits for that. Whoever is asked for nothing any more
    /// may wait for a disk.
    func close(_ now: Instant) {
        guard !isOver else { return }
        isOver = true
        log.end(.node, at: now)
        file.leave(log.take())
        if let fault = file.write() { told(fault) }
    }

    private func end(_ why: EventLog.End, _ words: String, _ now: Instant) {
        isOver = true
        log.end(why, at: now)
        notes.warning("the recording of loop \(number) ends here: \(words)")
    }

    private func give() {
        let piece = log.take()
        given += piece.count
        file.leave(piece)
        write()
    }

    /// One thread at a time writes: a slow disk takes no more of them.
    private func write() {
        guard !isWriting, file.behind > 0 else { return }
        isWriting = true
        let file = file
        do throws(Fault) {
            try loop.offLoop {
                file.write()
            } completion: { [self] fault in
                isWriting = false
                if let fault { told(fault) } else { write() }
            }
        } catch {
            // Threads are busy; the next piece tries again.
            isWriting = false
        }
    }

    private func told(_ fault: Fault) {
        notes.warning("the recording of loop \(number) has ended: \(fault)")
        isOver = true
    }
}
