public import Ground

extension Itinerary {
    /// The numbers behind an itinerary.
    public struct Settings: Sendable {
        /// Time between two probes of a node. 500 ms: three of them, which is what a change of
        /// distance needs to be believed, fit into 2 s.
        public var probeEvery = Interval.milliseconds(500)
        /// How long a probe may take; a node that is silent for longer is taken for dead. 1 s:
        /// eight round trips of the farthest node that anybody uses, a lost packet among them.
        public var patience = Interval.seconds(1)
        /// How long the first choice waits for others after the first node was measured. 200 ms:
        /// every node less than 40 ms away has shaken hands and answered twice by then.
        public var firstChoice = Interval.milliseconds(200)
        /// Round trips that are remembered; their minimum is the distance. With 3, two slow answers
        /// in a row move nobody, and a node that has come nearer is seen at once.
        public static let samples = 3
        /// A camera's buffer lasts seconds: a node that is back must be found before it overflows,
        /// hence 5 s instead of 60.
        public var breaker: CircuitBreaker.Settings = {
            var settings = CircuitBreaker.Settings()
            settings.longestOpenTime = .seconds(5)
            return settings
        }()

        public init() {}
    }

    /// Candidates of one client: a site's nodes, its neighbours and those above them. Each costs
    /// two small messages in half a second.
    public static let mostCandidates = 16
}
