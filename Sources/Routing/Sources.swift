/// Frames under way by who sent them, each within a limit of its own, so that no tenant and no leaf
/// starves another.
public struct Sources: Sendable {
    /// By source: frames at once, `nil` is no limit. Source 0 is whoever is not known by name.
    public private(set) var limits: [Int?] = [nil]
    private var counts = [0]

    public init() {}

    /// Sources that are known.
    public var count: Int { counts.count }

    /// Frames of a source under way.
    public func count(of source: Int) -> Int { source < counts.count ? counts[source] : 0 }

    /// Sets a source's limit; who is under way stays counted. Sources that lie before it and were
    /// not named yet have none.
    mutating func setLimit(_ limit: Int?, of source: Int) {
        grow(to: source)
        limits[source] = limit
    }

    /// Counts a frame in; `false` when its source has as many as it may.
    mutating func enter(_ source: Int) -> Bool {
        grow(to: source)
        if let limit = limits[source], counts[source] >= limit { return false }
        counts[source] += 1
        return true
    }

    mutating func leave(_ source: Int) { counts[source] -= 1 }

    private mutating func grow(to source: Int) {
        while counts.count <= source {
            counts.append(0)
            limits.append(nil)
        }
    }
}
