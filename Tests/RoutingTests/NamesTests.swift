import Ground
import Testing

@testable import Routing

@Suite struct NamesTests {
    @Test func `A higher tier ranks higher`() {
        #expect(Tier.allCases.sorted() == [.leaf, .regional, .cloud])
        #expect(Tier.allCases.map(\.rawValue) == ["leaf", "regional", "cloud"])
        #expect(Tier(rawValue: "edge") == nil)
    }

    @Test func `The least urgent class sorts first`() {
        #expect(WorkClass.allCases.sorted() == [.sync, .batch, .standard, .realtime])
        #expect(
            WorkClass.allCases.map(\.rawValue) == ["realtime", "standard", "batch", "sync"])
    }

    @Test func `Modes and reasons have their names on the wire`() {
        #expect(Mode.allCases.map(\.rawValue) == ["wait", "refine"])
        #expect(
            DegradedReason.allCases.map(\.rawValue) == [
                "upstream_down", "deadline", "budget", "overload", "local_only", "stale",
            ])
    }
}
