public import Ground

extension Blueprint {
    /// Tasks and peers that a process may have known. Those that a topology names no more keep
    /// their index for as long as the process lives; a thousand edits of a large fleet fit, and a
    /// restart forgets them.
    public static let mostNames = 16_384

    /// The same, with the indexes of the blueprint that is in force: what both name keeps its
    /// index, what is new follows, and what `old` alone names keeps its place and is retired. So an
    /// index means the same for as long as a process lives, whatever is under way.
    ///
    /// - Throws: `exhausted` when more than `mostNames` have come and gone.
    public func succeeding(_ old: Blueprint) throws(Fault) -> Blueprint {
        let (peers, places) = Self.line(self.peers, up: old.peers, by: \.plan.name) { peer in
            var retired = peer
            retired.isRetired = true
            return retired
        }
        let moved = self.tasks.map { task in
            var task = task
            task.levels = task.levels.map { $0.map { places[$0] } }
            task.neighbours = task.neighbours.map { places[$0] }
            return task
        }
        let (tasks, _) = Self.line(moved, up: old.tasks, by: \.name) { $0.retired }
        guard peers.count + tasks.count <= Self.mostNames else {
            throw Fault(
                .exhausted,
                "\(peers.count) nodes and \(tasks.count) tasks have come and gone since the node"
                    + " began, more than \(Self.mostNames)", remedy: "restart the node")
        }
        return Blueprint(node: node, tasks: tasks, peers: peers, hub: hub)
    }

    /// Puts `new` into the order of `old`; also returns where each of `new` has gone.
    private static func line<Item>(
        _ new: [Item], up old: [Item], by name: (Item) -> String, retire: (Item) -> Item
    ) -> (items: [Item], places: [Int]) {
        var items = old.map(retire)
        var known: [String: Int] = [:]
        for (index, item) in old.enumerated() { known[name(item)] = index }
        let places = new.map { item in
            guard let index = known[name(item)] else {
                items.append(item)
                return items.count - 1
            }
            items[index] = item
            return index
        }
        return (items, places)
    }
}

extension Blueprint.Task {
    /// What is left of a task that the topology names no more: whoever is under way ends.
    fileprivate var retired: Blueprint.Task {
        Blueprint.Task(plan: plan, tier: nil, levels: [], neighbours: [], isRetired: true)
    }
}
