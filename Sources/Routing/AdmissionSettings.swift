public import Ground

extension Admission {
    /// Percent of places and of work that each class can count on.
    public struct Shares: Hashable, Sendable {
        /// Half for what cameras wait for, and enough for each other class that it never stands
        /// still.
        public var realtime = 50
        public var standard = 30
        public var batch = 15
        public var sync = 5

        public init() {}

        public subscript(workClass: WorkClass) -> Int {
            switch workClass {
            case .realtime: realtime
            case .standard: standard
            case .batch: batch
            case .sync: sync
            }
        }
    }

    /// The numbers behind admission.
    public struct Settings: Hashable, Sendable {
        public var shares = Shares()
        /// Places at most, however quick the work: half a second of a hundred cameras at 10 FPS.
        public var mostPlaces = 512
        /// Places per worker at least: one that runs and the next of each class.
        public var leastPlaces = 4
        /// Work that may always wait. 40 ms: cameras that fire at the same moment are no overload,
        /// nor is what has come while a busy machine let the node wait, and an answer that much
        /// later is still realtime.
        public var slack = Interval.milliseconds(40)
        /// How many times longer than the work alone a frame may take before places are taken
        /// away.
        public var tolerance = 4

        public init() {}
    }
}
