/// Ticks of shards in a ring: all are as far apart, so they come in the order of their times.
struct TickLine {
    struct Tick {
        var at: UInt64
        var order: UInt64
        var shard: UInt32
        var incarnation: UInt32

        var occurrence: Occurrence {
            Occurrence(at: at, order: order, a: shard, b: incarnation, c: 0, d: 0, kind: .tick)
        }

        @inline(__always)
        func isBefore(_ other: Occurrence) -> Bool {
            at != other.at ? at < other.at : order < other.order
        }
    }

    /// A power of two places.
    private var ring: [Tick] = []
    private var head = 0
    private(set) var count = 0
    /// The last one that was appended.
    private var last: (at: UInt64, order: UInt64) = (0, 0)

    var first: Tick? { count == 0 ? nil : ring[head] }

    /// Takes a tick; false when it is due before one that is there, and has no place here.
    mutating func append(_ tick: Tick) -> Bool {
        guard count == 0 || (last.at, last.order) < (tick.at, tick.order) else { return false }
        if count == ring.count { grow() }
        ring[(head + count) & (ring.count - 1)] = tick
        count += 1
        last = (tick.at, tick.order)
        return true
    }

    mutating func removeFirst() {
        head = (head + 1) & (ring.count - 1)
        count -= 1
    }

    private mutating func grow() {
        let items = (0..<count).map { ring[(head + $0) & (ring.count - 1)] }
        ring = items
        let places = max(16, 2 * count)
        let filler = Tick(at: 0, order: 0, shard: 0, incarnation: 0)
        while ring.count < places { ring.append(filler) }
        head = 0
    }
}
