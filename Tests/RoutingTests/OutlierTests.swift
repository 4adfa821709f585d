import Ground
import Testing

@testable import Routing

@Suite("Outlier ejection")
struct OutlierTests {
    private struct Pool {
        var outliers: Outliers
        var now = Instant(nanoseconds: 0)
        var changes: [(host: Int, isOut: Bool)] = []
        let hosts: Int

        init(_ hosts: Int, _ settings: Outliers.Settings = Outliers.Settings()) {
            self.hosts = hosts
            outliers = Outliers(settings, hosts: hosts, now: now)
        }

        /// One interval: every host gets `calls`, of which `failures` of its own fail.
        mutating func interval(calls: Int, failures: (Int) -> Int) {
            for host in 0..<hosts {
                for call in 0..<calls {
                    outliers.record(host, success: call >= failures(host))
                }
            }
            now = now + .seconds(10)
            var changes: [(Int, Bool)] = []
            outliers.tick(now: now, pools: [Array(0..<hosts)]) { changes.append(($0, $1)) }
            self.changes += changes
        }
    }

    @Test func `One bad host of ten is out for 30 s, and back when its time is over`() {
        var pool = Pool(10)
        pool.interval(calls: 200) { $0 == 3 ? 100 : 2 }
        #expect(pool.outliers.isEjected(3) && pool.outliers.ejected == 1)
        pool.interval(calls: 200) { _ in 0 }
        pool.interval(calls: 200) { _ in 0 }
        #expect(pool.outliers.isEjected(3))
        pool.interval(calls: 200) { _ in 0 }
        #expect(!pool.outliers.isEjected(3))
    }

    @Test func `Who is out again is out for longer, at most 300 s`() {
        var pool = Pool(10)
        var out = 0
        for _ in 0..<400 {
            pool.interval(calls: 200) { $0 == 3 ? 150 : 0 }
            out += pool.outliers.isEjected(3) ? 1 : 0
        }
        let times = pool.changes.filter(\.isOut).count
        #expect(times >= 12)
        // 12 times of 30, 60, … 300, 300 seconds, and an interval between two.
        #expect(out > 300)
    }

    @Test(arguments: [(10, 1), (20, 2), (35, 3), (5, 1)])
    func `At most a tenth of the hosts are out, and one always may`(hosts: Int, most: Int) {
        var pool = Pool(hosts)
        for _ in 0..<5 { pool.interval(calls: 100) { $0 < hosts / 2 ? 95 : 0 } }
        #expect(pool.outliers.ejected == most)
    }

    @Test func `Four hosts are too few to say who is odd`() {
        var pool = Pool(4)
        pool.interval(calls: 500) { $0 == 0 ? 500 : 0 }
        #expect(pool.outliers.ejected == 0)
    }

    @Test func `Below 100 calls a success rate says nothing, below 50 failures neither`() {
        var pool = Pool(10)
        pool.interval(calls: 99) { $0 == 0 ? 60 : 0 }
        #expect(pool.outliers.ejected == 0)
        pool.interval(calls: 49) { $0 == 0 ? 49 : 0 }
        #expect(pool.outliers.ejected == 0)
        pool.interval(calls: 50) { $0 == 0 ? 43 : 0 }
        #expect(pool.outliers.ejected == 1, "86 % of 50 failed")
    }

    @Test func `Hosts that all do equally badly stay`() {
        var pool = Pool(10)
        pool.interval(calls: 200) { _ in 100 }
        #expect(pool.outliers.ejected == 0)
    }
}

@Suite("Rolling latencies")
struct RecentLatenciesTests {
    @Test func `The quantile is right to an eighth, and needs 20 calls`() throws {
        var latencies = RecentLatencies()
        for millis in 1...19 { latencies.observe(.milliseconds(Int64(millis))) }
        #expect(latencies.quantile(percent: 95) == nil)
        for millis in 20...100 { latencies.observe(.milliseconds(Int64(millis))) }
        let p95 = try #require(latencies.quantile(percent: 95)).milliseconds
        #expect(p95 >= 95 && p95 <= 95 * 1.125)
        let p50 = try #require(latencies.quantile(percent: 50)).milliseconds
        #expect(p50 >= 50 && p50 <= 50 * 1.125)
    }

    @Test func `Only the last 128 calls count`() throws {
        var latencies = RecentLatencies()
        for _ in 0..<500 { latencies.observe(.seconds(2)) }
        for _ in 0..<128 { latencies.observe(.milliseconds(3)) }
        #expect(try #require(latencies.quantile(percent: 99)) <= .microseconds(3_375))
    }

    @Test(arguments: [Interval.zero, .nanoseconds(-5), .nanoseconds(1), .seconds(1_000_000_000)])
    func `No latency is too odd to count`(latency: Interval) {
        var latencies = RecentLatencies()
        for _ in 0..<200 { latencies.observe(latency) }
        #expect(latencies.quantile(percent: 95) != nil)
    }
}
