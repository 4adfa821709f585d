import EventLoop
import Routing

/// Carries what a shard tells the others of its node to their loops: one post for all that an event
/// led to. Confined to its loop; a node with one loop sends nothing.
final class ShardPost {
    private let number: Int
    private let hosts: Hosts
    /// By shard. Until all loops stand it is kept: some words a tick, and no frame comes before.
    private var waiting: [[ShardMessage]]
    private var isEmpty = true

    init(_ place: ShardPlace, to hosts: Hosts) {
        number = place.number
        self.hosts = hosts
        waiting = Array(repeating: [], count: place.count)
    }

    func add(_ letter: Letter) {
        waiting[letter.to].append(letter.message)
        isEmpty = false
    }

    /// Sends what was added. A loop that has ended hears nothing, and the node is at its end then.
    func flush() {
        guard !isEmpty else { return }
        let mates = hosts.list
        guard mates.count == waiting.count else { return }
        isEmpty = true
        for shard in waiting.indices where !waiting[shard].isEmpty {
            let (messages, from) = (waiting[shard], number)
            waiting[shard] = []
            mates[shard].post { $0.shard.hear(messages, from: from) }
        }
    }

    /// Has the owner of what is node-wide know a tenant and its limit, before it hears of the
    /// tenant's frames.
    func introduce(_ tenant: Tenant) {
        guard number > 0 else { return }
        hosts.list.first?.post { $0.shard.meet(tenant) }
    }
}
