public import Wire

extension TelemetryRecord.Latencies {
    /// A sketch as it goes from node to node.
    public init(name: String, _ sketch: Sketch) {
        let filled = sketch.filled
        self.init(
            name: name, buckets: filled.map(\.bucket), counts: filled.map(\.count),
            sum: sketch.sum, least: sketch.minimum ?? 0, most: sketch.maximum ?? 0)
    }

    /// The sketch; `nil` when what came is none.
    public var sketch: Sketch? {
        guard buckets.count == counts.count else { return nil }
        return Sketch(
            filled: zip(buckets, counts).map { ($0, $1) }, sum: sum, least: least, most: most)
    }
}
