/// Where something stands in a topology file. It prints as `file:line:column`.
public struct Place: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The file as it was named when it was read.
    public var file: String
    /// Counted from 1.
    public var line: Int
    /// Counted from 1, in Unicode scalars.
    public var column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    public var description: String { "\(file):\(line):\(column)" }

    public static func < (a: Place, b: Place) -> Bool {
        (a.file, a.line, a.column) < (b.file, b.line, b.column)
    }
}

/// One thing that is wrong in a topology file, and how to mend it.
public struct TopologyFault: Error, Hashable, Sendable, CustomStringConvertible {
    public var place: Place
    /// What is wrong: names the thing, what came and what was expected.
    public var problem: String
    /// What to write instead.
    public var remedy: String

    public init(_ place: Place, _ problem: String, _ remedy: String) {
        self.place = place
        self.problem = problem
        self.remedy = remedy
    }

    /// `file:line:column: problem; remedy`, on one line.
    public var description: String { "\(place): \(problem); \(remedy)" }
}
