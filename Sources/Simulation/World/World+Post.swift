import Ground
import Node
import Routing

/// Messages on their way from shard to shard, in places that are used again.
struct Post {
    private var letters: [(from: Int, message: ShardMessage)?] = []
    private var unused: [Int] = []

    mutating func keep(_ message: ShardMessage, from: Int) -> Int {
        if let place = unused.popLast() {
            letters[place] = (from, message)
            return place
        }
        letters.append((from, message))
        return letters.count - 1
    }

    mutating func take(_ place: Int) -> (from: Int, message: ShardMessage)? {
        defer {
            letters[place] = nil
            unused.append(place)
        }
        return letters[place]
    }
}

extension World {
    /// A loop hears another when its turn ends: 20 µs where it has nothing to do, and a millisecond
    /// where it has much.
    private static let shortestPost = 20_000
    static let longestPost = 1_000_000

    mutating func send(_ letter: Letter, from shard: Int) {
        let host = shards[shard].host
        var message = letter.message
        if let misreads = settings.planted.misreads {
            guard let other = misreads(message) else { return }
            message = other
        }
        let spread = Self.longestPost - Self.shortestPost
        let draw = hosts[host].postage.draw(below: spread)
        let last = shards[shard].lastLetter[letter.to]
        let arrival = max(last, now + UInt64(Self.shortestPost + draw))
        shards[shard].lastLetter[letter.to] = arrival
        let place = post.keep(message, from: shards[shard].number.number)
        schedule(
            .letterArrives, at: arrival, hosts[host].shards.lowerBound + letter.to,
            UInt32(place), 0, hosts[host].starts)
    }

    mutating func letterArrives(_ shard: Int, _ place: Int, incarnation: UInt32) {
        guard let letter = post.take(place), hosts[shards[shard].host].starts == incarnation else {
            return
        }
        occurrences += 1
        hear(shard, .told(from: letter.from, letter.message))
        watch(letter.message, at: shard)
    }

    /// The owner has heard how a call of another shard ended: enough failures in a row must have
    /// opened the breaker.
    private mutating func watch(_ message: ShardMessage, at shard: Int) {
        guard case .ended(let peer, let attempt, let outcome, let expected) = message else {
            return
        }
        let waited = clock(of: shards[shard].host) - attempt.start
        let failed = outcome.isHeld(after: waited, expected: expected)
        guard failed || outcome == .answered else { return }
        let words = shards[shard].watch.ended(
            peer: peer, failed: failed, began: attempt.start,
            now: clock(of: shards[shard].host), breaker: shards[shard].node.peers[peer].breaker)
        if let words { fail(.breakerOpens, shard, words, peer: peer) }
    }
}
