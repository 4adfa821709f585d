/// Finds what somebody meant when a word is not known.
enum Nearest {
    /// The word of `known` that is the fewest typing errors from `word`, when that is few enough to
    /// be a slip: a quarter of its length, at least one. The first of several.
    static func word(to word: String, among known: [String]) -> String? {
        let limit = max(1, word.count / 4)
        var best: (word: String, distance: Int)?
        for candidate in known where abs(candidate.count - word.count) <= limit {
            let distance = distance(word, candidate)
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.word
    }

    /// What to do about an unknown word: the nearest known one, or all of them.
    static func remedy(for word: String, among known: [String]) -> String {
        if let near = Self.word(to: word, among: known) { return "did you mean \(quoted(near))?" }
        if known.isEmpty { return "none is defined" }
        // More than a dozen is no help on one line.
        let more = known.count > 12 ? " and \(known.count - 12) more" : ""
        return "known here: \(listed(known.prefix(12)))\(more)"
    }

    /// Insertions, deletions, replacements and swaps of neighbours between two words (optimal
    /// string alignment). Words longer than a name are cut: nobody mistypes those by one letter.
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a.unicodeScalars.prefix(Bounds.name))
        let b = Array(b.unicodeScalars.prefix(Bounds.name))
        var before: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                let change = last[j] + (a[i] == b[j] ? 0 : 1)
                var least = min(change, last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    least = min(least, before[j - 1] + 1)
                }
                row.append(least)
            }
            (before, last) = (last, row)
        }
        return last[b.count]
    }
}
