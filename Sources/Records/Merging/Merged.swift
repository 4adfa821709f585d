/// All answers about one frame, the winner first. It depends on which answers came and on nothing
/// else: not on their order, nor on how often each came.
public struct Merged<Item: Sendable>: Sendable {
    /// An answer and how it ranks.
    public struct Entry: Sendable {
        public var standing: Standing
        public var item: Item

        public init(_ standing: Standing, _ item: Item) {
            self.standing = standing
            self.item = item
        }
    }

    /// Highest standing first; never empty.
    public private(set) var entries: [Entry]

    public init(_ first: Entry) { entries = [first] }

    public var winner: Entry { entries[0] }
    public var losers: ArraySlice<Entry> { entries.dropFirst() }

    /// Takes one more answer; one that is there already changes nothing.
    ///
    /// - Returns: whether it was new.
    @discardableResult
    public mutating func take(_ entry: Entry) -> Bool {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].standing > entry.standing { low = middle + 1 } else { high = middle }
        }
        if low < entries.count, entries[low].standing == entry.standing { return false }
        entries.insert(entry, at: low)
        return true
    }
}
