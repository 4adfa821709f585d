import Ground
import Testing
import Topology

@testable import Node

/// When what is owed goes up. The clock is a number here.
@Suite struct UploadingTests {
    private static let start = Instant(nanoseconds: 1_000_000_000)

    private func plan(_ words: String = "") throws -> SpoolPlan {
        let own = words.isEmpty ? "" : ", spool: { \(words) }"
        let digest = "sha256:" + String(repeating: "1", count: 64)
        let text = """
            canopy: 1
            nodes:
              leaf: { tier: leaf, listen: 0.0.0.0:1, budget: { spool: 1GiB }\(own) }
              regional: { tier: regional, listen: 0.0.0.0:1, address: r.example:1 }
            tasks:
              look:
                leaf: { bundle: \(digest), accept: 0.9 }
                regional: { bundle: \(digest) }
            """
        let topology = try Topology(validating: TopologyFile(text: text, name: "spool.yaml"))
        return try #require(topology.node(named: "leaf")).spool
    }

    private func awake(_ words: String = "") throws -> Uploading {
        var uploading = Uploading(try plan(words), now: Self.start)
        let first = uploading.next(now: Self.start, isBusy: false) { _ in true }
        #expect(first == .report)
        uploading.reported()
        return uploading
    }

    private func next(
        _ uploading: inout Uploading, at seconds: Double = 0, isBusy: Bool = false,
        due: Set<SpoolQueue> = Set(SpoolQueue.allCases)
    ) -> Uploading.Step {
        let now = Self.start + .nanoseconds(Int64(seconds * 1e9))
        return uploading.next(now: now, isBusy: isBusy, isDue: due.contains)
    }

    @Test func `Nothing goes up before the node above has heard the report`() throws {
        var uploading = Uploading(try plan(), now: Self.start)
        #expect(next(&uploading) == .report)
        #expect(next(&uploading) == .rest && uploading.gathering == nil)
        let pause = uploading.failed(isRefused: false)
        #expect(pause + Uploading.reportPatience <= .seconds(6))
        #expect(next(&uploading) == .report)
        #expect(uploading.failed(isRefused: true) == .seconds(30))
        #expect(next(&uploading) == .report)
        uploading.reported()
        #expect(uploading.gathering == .seconds(2))
        #expect(next(&uploading) == .send(.audit, records: 512, bytes: 250_000))
    }

    @Test func `Queues that have something take turns, and one batch is under way at a time`()
        throws
    {
        var uploading = try awake()
        var order: [SpoolQueue] = []
        for _ in 0..<6 {
            guard case .send(let queue, let records, _) = next(&uploading) else {
                Issue.record("nothing is sent")
                return
            }
            #expect(records == (queue == .escalation ? 32 : 512))
            uploading.sent(10, now: Self.start)
            #expect(next(&uploading) == .rest)
            #expect(uploading.acknowledged(through: 9, of: 1, 9, retryAfter: .zero) == .zero)
            order.append(queue)
        }
        #expect(order == [.audit, .alert, .telemetry, .result, .escalation, .audit])
        #expect(next(&uploading, due: []) == .rest)
    }

    @Test func `What the hub did not take is sent again after a pause`() throws {
        var uploading = try awake()
        uploading.sent(10, now: Self.start)
        #expect(uploading.acknowledged(through: 3, of: 1, 9, retryAfter: .zero) == .seconds(1))
        uploading.sent(10, now: Self.start)
        let pause = uploading.acknowledged(through: 3, of: 1, 9, retryAfter: .seconds(7))
        #expect(pause == .seconds(7))
    }

    @Test func `A hub that lacks what came before a batch hears a report before the next`() throws {
        var uploading = try awake()
        uploading.sent(10, now: Self.start)
        _ = uploading.acknowledged(through: 0, of: 1_001, 1_500, retryAfter: .zero)
        #expect(next(&uploading) == .report)
        uploading.reported()
        uploading.sent(10, now: Self.start)
        _ = uploading.acknowledged(through: 1_000, of: 1_001, 1_500, retryAfter: .zero)
        guard case .send = next(&uploading) else {
            Issue.record("a hub that has all before the batch needs no report")
            return
        }
    }

    @Test func `A backlog takes so many bits a second of the way up`() throws {
        var uploading = try awake("rate: 80kbit/s")
        var (seconds, sent) = (0.0, 0)
        while seconds < 100 {
            switch next(&uploading, at: seconds, due: [.result]) {
            case .send:
                uploading.sent(25_000, now: Self.start + .nanoseconds(Int64(seconds * 1e9)))
                _ = uploading.acknowledged(through: 1, of: 1, 1, retryAfter: .zero)
                sent += 25_000
            case .wait(let pause): seconds += pause.seconds
            default: Issue.record("it neither sends nor waits")
            }
        }
        #expect(sent >= 1_000_000 - 25_000 && sent <= 1_000_000 + 50_000)
    }

    @Test func `A backlog goes up in small steps at its rate, in larger ones where it is held up`()
        throws
    {
        func sizes(roundTrip: Double) throws -> (most: Int, rate: Double) {
            var uploading = try awake("rate: 4Mbit/s")
            var (seconds, sent, steps) = (0.0, 0, [Int]())
            while seconds < 60 {
                switch next(&uploading, at: seconds, due: [.escalation]) {
                case .send(_, _, let bytes):
                    uploading.sent(bytes, now: Self.start + .nanoseconds(Int64(seconds * 1e9)))
                    seconds += roundTrip
                    _ = uploading.acknowledged(through: 1, of: 1, 1, retryAfter: .zero)
                    steps.append(bytes)
                    sent += bytes
                case .wait(let pause): seconds += pause.seconds
                default: Issue.record("it neither sends nor waits")
                }
            }
            // The first uses what an idle way had to spare.
            return (steps.dropFirst().max() ?? 0, Double(sent) / seconds)
        }
        let near = try sizes(roundTrip: 0.005)
        #expect(near.most == 64 << 10)
        let far = try sizes(roundTrip: 0.6)
        #expect(far.most > 250_000 && far.most < 400_000)
        #expect(near.rate > 495_000 && near.rate < 515_000 && far.rate > 495_000)
    }

    @Test func `A batch that the uplink is too slow for is made smaller, and larger again`()
        throws
    {
        var uploading = try awake("rate: 1Gbit/s")
        var sizes: [Int] = []
        for isTaken in [false, false, false, true, true] + [Bool](repeating: false, count: 9) {
            guard case .send(_, _, let bytes) = next(&uploading, due: [.result]) else {
                Issue.record("nothing is sent")
                return
            }
            sizes.append(bytes)
            uploading.sent(10, now: Self.start)
            if isTaken {
                _ = uploading.acknowledged(through: 9, of: 1, 9, retryAfter: .zero)
            } else {
                _ = uploading.failed(isRefused: false)
                #expect(next(&uploading) == .report)
                uploading.reported()
            }
        }
        #expect(Array(sizes.prefix(6)) == [20, 19, 18, 17, 18, 19].map { 1 << $0 })
        #expect(sizes.last == 16 << 10)
    }

    @Test func `A backlog gives way to realtime frames for two seconds, and not for ever`() throws {
        var uploading = try awake()
        var seconds = 0.0
        while case .wait(let pause) = next(&uploading, at: seconds, isBusy: true) {
            #expect(pause == .milliseconds(50))
            seconds += pause.seconds
        }
        #expect(seconds >= 1.99 && seconds <= 2.1)
    }

    @Test func `No more is settled than was written, and nothing twice`() {
        #expect(Uploading.settled(by: 7, first: 3, next: 20) == 7)
        #expect(Uploading.settled(by: 50, first: 3, next: 20) == 19)
        #expect(Uploading.settled(by: 2, first: 3, next: 20) == nil)
        #expect(Uploading.settled(by: 9, first: 1, next: 1) == nil)
    }

    @Test func `Frames are committed within milliseconds, results within a second, many at once`()
        throws
    {
        let now = Self.start
        var commit = GroupCommit(try plan())
        #expect(commit.appended(.result, pending: 1, now: now) == now + .seconds(1))
        #expect(commit.appended(.result, pending: 2, now: now + .milliseconds(1)) == nil)
        var other = commit
        #expect(
            other.appended(.result, isAwaited: true, pending: 3, now: now)
                == now + .milliseconds(5))
        #expect(commit.appended(.escalation, pending: 3, now: now) == now + .milliseconds(5))
        #expect(commit.appended(.alert, pending: 4, now: now) == nil)
        #expect(commit.appended(.result, pending: 512, now: now) == now)
        commit.committed()
        #expect(commit.due == .distantFuture)
    }

    @Test func `Logical time goes on where the time of day stands still or goes back`() {
        let second = WallTime(nanoseconds: 1_700_000_000_000_000_000)
        let first = LogicalClock.next(after: 0, second)
        #expect(first == UInt64(1_700_000_000_000) << 16)
        #expect(LogicalClock.next(after: first, second) == first + 1)
        let before = WallTime(nanoseconds: second.nanoseconds - 60_000_000_000)
        #expect(LogicalClock.next(after: first + 1, before) == first + 2)
        let later = WallTime(nanoseconds: second.nanoseconds + 5_000_000)
        #expect(LogicalClock.next(after: first, later) == UInt64(1_700_000_000_005) << 16)
    }
}

@Suite struct CertificateTermTests {
    private func term(days: Int64) -> CertificateTerm {
        CertificateTerm(
            from: WallTime(nanoseconds: 0), until: WallTime(nanoseconds: days * 86_400_000_000_000))
    }

    private func ends(_ term: CertificateTerm, onDay day: Double, alone: Interval = .zero) -> Bool {
        term.isEnding(now: WallTime(nanoseconds: Int64(day * 86_400e9)), alone: alone)
    }

    @Test func `A certificate's end is told two weeks before, or a third of a short one's time`() {
        #expect(!ends(term(days: 90), onDay: 75.9) && ends(term(days: 90), onDay: 76.1))
        #expect(!ends(term(days: 6), onDay: 3.9) && ends(term(days: 6), onDay: 4.1))
        #expect(ends(term(days: 90), onDay: 91))
    }

    @Test func `It is told earlier where the site is to get by alone`() {
        let alone = Interval.seconds(48 * 3_600)
        #expect(!ends(term(days: 90), onDay: 73.9, alone: alone))
        #expect(ends(term(days: 90), onDay: 74.1, alone: alone))
    }
}
