import Ground
import Testing

@testable import Topology

@Suite struct RoutingPlanTests {
    private func nodes(_ routing: String, _ own: String = "{}") throws -> [NodePlan] {
        try topology(
            """
            canopy: 1
            routing: \(routing)
            nodes:
              a: { tier: leaf, listen: 10.0.0.1:1, routing: \(own) }
              b: { tier: regional, listen: 10.0.0.2:1 }
            """
        ).nodes
    }

    @Test func `Breakers, outliers, retries and hedges have the documented defaults`() {
        let plan = RoutingPlan()
        let breaker = plan.breaker
        #expect(breaker.consecutiveFailures == 5 && breaker.failurePercent == 50)
        #expect(breaker.minimumCalls == 20 && breaker.halfOpenSuccesses == 1)
        #expect(breaker.openTime == .seconds(1) && breaker.longestOpen == .seconds(60))
        #expect(breaker.cleanPeriod == .seconds(10))
        let outliers = plan.outliers
        #expect(outliers.interval == .seconds(10) && outliers.base == .seconds(30))
        #expect(outliers.longest == .seconds(300) && outliers.ejectedPercent == 10)
        #expect(outliers.minimumHosts == 5 && outliers.deviations == 1.9)
        #expect(outliers.minimumRequests == 100 && outliers.failurePercent == 85)
        #expect(outliers.failureMinimum == 50)
        #expect(plan.retries.percent == 20 && plan.retries.floor == nil)
        #expect(plan.retries.floor(.leaf) == 1 && plan.retries.floor(.cloud) == 10)
        #expect(plan.hedge.quantile == 95 && plan.probe.every == .milliseconds(500))
    }

    @Test func `Spill, nearness and admission have the documented defaults`() {
        let plan = RoutingPlan()
        #expect(plan.spill.overprovision == 140 && plan.spill.panicPercent == 50)
        #expect(plan.spill.panicHosts == 5)
        #expect(plan.nearest.hysteresisPercent == 20 && plan.nearest.far == .milliseconds(50))
        let shares = plan.admission.shares
        #expect([shares.realtime, shares.standard, shares.batch, shares.sync] == [50, 30, 15, 5])
        #expect(plan.admission.places == 512 && plan.admission.tenants.isEmpty)
        #expect(plan.admission.leafFrames == nil && plan.admission.frames(of: "any") == nil)
    }

    @Test func `A file without routing gives every node the defaults`() throws {
        #expect(try nodes("{}").map(\.routing) == [RoutingPlan(), RoutingPlan()])
    }

    @Test func `A node's own routing goes over the common one, setting by setting`() throws {
        let nodes = try nodes(
            """
            { breaker: { consecutive_failures: 3, failures: 40% }, hedge: off,
              retries: { floor: 7 }, probe: { every: 2s }, nearest: { far: 80ms } }
            """, "{ breaker: { failures: 60% }, hedge: { quantile: 90% }, retries: { share: 5% } }")
        #expect(nodes.map(\.routing.breaker.consecutiveFailures) == [3, 3])
        #expect(nodes.map(\.routing.breaker.failurePercent) == [60, 40])
        #expect(nodes.map(\.routing.breaker.minimumCalls) == [20, 20])
        #expect(nodes.map(\.routing.hedge.quantile) == [90, nil])
        #expect(nodes.map(\.routing.retries.floor) == [7, 7])
        #expect(nodes.map(\.routing.retries.percent) == [5, 20])
        #expect(nodes.map(\.routing.probe.every) == [.seconds(2), .seconds(2)])
        #expect(nodes.map(\.routing.nearest.far) == [.milliseconds(80), .milliseconds(80)])
    }

    @Test func `Tenants that a node names are added to the common ones, or take their place`()
        throws
    {
        let nodes = try nodes(
            "{ admission: { tenants: { a: { frames: 4 }, b: { frames: 5 } }, leaf_frames: 9 } }",
            "{ admission: { tenants: { b: { frames: 6 } }, places: 12 } }")
        #expect(nodes[0].routing.admission.frames(of: "a") == 4)
        #expect(nodes.map { $0.routing.admission.frames(of: "b") } == [6, 5])
        #expect(nodes.map(\.routing.admission.leafFrames) == [9, 9])
        #expect(nodes.map(\.routing.admission.places) == [12, 512])
    }

    @Test func `A fault of the common part is said once, not for each node`() {
        let found = faults(
            """
            canopy: 1
            routing: { breaker: { open_time: 2m }, admission: { shares: { sync: 6% } } }
            nodes:
              a: { tier: leaf, listen: 10.0.0.1:1, routing: { breaker: { failures: 40% } } }
              b: { tier: leaf, listen: 10.0.0.2:1 }
            """)
        #expect(found.count == 2)
        #expect(found.first?.contains("longer than its `longest_open` of 1m") == true)
        #expect(found.last?.contains("add up to 101%") == true)
    }
}
