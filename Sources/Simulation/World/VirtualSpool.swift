/// What one node owes, on a disk that keeps what it has written: sequences and no bytes.
struct VirtualSpool {
    /// Frames that it holds at most, a third of a minute of one camera that is unsure of all:
    /// small, so that worlds run out of room.
    static let room = 600
    /// Frames in one batch.
    static let batch = 50

    /// Where it sends: an index into the host's peers.
    let hub: Int
    /// The first sequence that is not settled, and the next to be given.
    private(set) var first: UInt64 = 1
    private(set) var next: UInt64 = 1
    /// Frames that were dropped for want of room before the hub had them: it hears of a gap.
    private(set) var lost: UInt64 = 0
    private var droppedThrough: UInt64 = 0
    /// At the hub: all up to it are settled, and how many of them were frames.
    var watermark: UInt64 = 0
    var settled: UInt64 = 0

    init(hub: Int) { self.hub = hub }

    /// Frames that wait here.
    var waiting: UInt64 { next - max(first, droppedThrough + 1) }

    /// Writes a frame down; the oldest goes when there is no room.
    mutating func keep() {
        next += 1
        guard waiting > UInt64(Self.room) else { return }
        droppedThrough = max(first, droppedThrough + 1)
        if droppedThrough > watermark { lost += 1 }
    }

    /// What is wrong with its accounts; `nil` when nothing is. Each frame waits, was settled, or
    /// was lost with a gap.
    var fault: String? {
        let unsettled = next - 1 - watermark
        let gone = droppedThrough > watermark ? droppedThrough - watermark : 0
        guard settled + lost + unsettled - gone == next - 1, first <= watermark + 1 else {
            return "\(next - 1) frames were owed; \(settled) were settled and \(lost) lost,"
                + " \(unsettled - gone) wait, and the node has forgotten those before \(first)"
        }
        return nil
    }

    /// What is to be sent, gaps among it; `nil` when there is nothing.
    var due: ClosedRange<UInt64>? {
        first < next ? first...min(next - 1, max(first, droppedThrough) + UInt64(Self.batch)) : nil
    }

    /// The hub has all up to `sequence`.
    mutating func settle(through sequence: UInt64) {
        first = min(max(first, sequence + 1), next)
    }

    /// A batch is at the hub: each frame of it counts once, whatever came before.
    ///
    /// - Parameter again: a bug that tests plant: what came before is counted once more.
    mutating func take(_ batch: ClosedRange<UInt64>, again: Bool) {
        if again { watermark = min(watermark, batch.lowerBound - 1) }
        guard batch.lowerBound <= watermark + 1, batch.upperBound > watermark else { return }
        let from = max(watermark, droppedThrough) + 1
        if batch.upperBound >= from { settled += batch.upperBound - from + 1 }
        watermark = batch.upperBound
    }
}
