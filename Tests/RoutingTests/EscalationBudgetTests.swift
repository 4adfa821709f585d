import Ground
import Testing

@testable import Routing

@Suite struct EscalationBudgetTests {
    static let bar = EscalationStream.bar
    static let share = 0.08
    static let frames = 12_000
    static let seeds: [UInt64] = [1, 2, 3]

    static func limits() throws -> EscalationBudget.Limits {
        try EscalationBudget.Limits(share: share)
    }

    static func spend(_ frames: [Confidence], _ limits: EscalationBudget.Limits) -> StreamResult {
        var budget = EscalationBudget(limits, now: Instant(nanoseconds: 0))
        return StreamResult(frames) { confidence, now in
            budget.decide(confidence, bar: bar, payload: 1000, now: now) == .escalate
        }
    }

    /// The fixed bar that a person would set who knew the first, stationary stream.
    static func plannedBar() -> Double {
        let sorted = EscalationStream.stationary.frames(frames, seed: 99).sorted()
        return sorted[Int(share * Double(frames))].value
    }

    /// Mean gains in accuracy over first come first served, and over the planned bar.
    static func gains(_ stream: EscalationStream) throws -> (first: Double, planned: Double) {
        let limits = try limits()
        let planned = plannedBar()
        var gains = (first: 0.0, planned: 0.0)
        for seed in seeds {
            let frames = stream.frames(frames, seed: seed)
            let ours = spend(frames, limits).accuracy
            for (bar, isPlanned) in [(bar.value, false), (planned, true)] {
                var other = FirstCome(limits, bar: bar)
                let theirs = StreamResult(frames) { confidence, _ in other.escalates(confidence) }
                let gain = (ours - theirs.accuracy) / Double(seeds.count)
                if isPlanned { gains.planned += gain } else { gains.first += gain }
            }
        }
        return gains
    }

    @Test(arguments: EscalationStream.allCases)
    func `The hardest frames go, which beats first come first served`(
        stream: EscalationStream
    ) throws {
        let gain = try Self.gains(stream).first
        #expect(gain > (stream == .mild ? 0.003 : 0.009), "\(stream): \(gain)")
    }

    @Test(
        arguments: [
            (EscalationStream.bursty, 0.008), (.drifting, 0.002), (.shifting, 0.003),
            (.mild, 0.012),
        ])
    func `A bar that was right yesterday is beaten when frames change`(
        stream: EscalationStream, margin: Double
    ) throws {
        let gain = try Self.gains(stream).planned
        #expect(gain > margin, "\(stream): \(gain)")
    }

    @Test(arguments: EscalationStream.allCases)
    func `The best fixed bar in hindsight is nearly matched`(stream: EscalationStream) throws {
        let limits = try Self.limits()
        let frames = stream.frames(Self.frames, seed: 4)
        let sorted = frames.sorted()
        let best = stride(from: 0.02, to: 0.6, by: 0.02).map { quantile in
            let bar = min(sorted[Int(quantile * Double(frames.count))].value, Self.bar.value)
            var other = FirstCome(limits, bar: bar)
            return StreamResult(frames) { confidence, _ in other.escalates(confidence) }.accuracy
        }.max()
        let ours = Self.spend(frames, limits).accuracy
        #expect(ours > (try #require(best)) - 0.004, "\(stream): \(ours) of \(best ?? 0)")
    }

    @Test(arguments: EscalationStream.allCases)
    func `The budget is kept at every moment, and used up when frames are hard`(
        stream: EscalationStream
    ) throws {
        let limits = try Self.limits()
        for seed in Self.seeds {
            var budget = EscalationBudget(limits, now: Instant(nanoseconds: 0))
            var (seen, sent) = (0, 0)
            _ = StreamResult(stream.frames(Self.frames, seed: seed)) { confidence, now in
                let goes =
                    budget.decide(confidence, bar: Self.bar, payload: 1, now: now) == .escalate
                seen += 1
                sent += goes ? 1 : 0
                let most = Self.share * Double(seen) + Double(limits.burstFrames)
                #expect(Double(sent) <= most)
                return goes
            }
            #expect(Double(sent) >= 0.9 * Self.share * Double(seen), "\(stream) \(sent)")
        }
    }

    @Test func `The budget is kept when every frame is far harder than all before`() throws {
        let limits = try EscalationBudget.Limits(share: 0.001)
        var budget = EscalationBudget(limits, now: Instant(nanoseconds: 0))
        var sent = 0
        for index in 0..<200 {
            let confidence = Confidence(0.89 - 0.008 * Double(max(index - 95, 0)))
            let now = Instant(nanoseconds: UInt64(index))
            let decision = budget.decide(confidence, bar: Self.bar, payload: 1, now: now)
            sent += decision == .escalate ? 1 : 0
        }
        #expect(sent >= 1 && sent <= limits.burstFrames)
    }

    @Test func `When few frames are hard they all escalate`() throws {
        var random = Randomness(seed: 5)
        var budget = EscalationBudget(try Self.limits(), now: Instant(nanoseconds: 0))
        var (hard, sent) = (0, 0)
        for index in 0..<10_000 {
            let isHard = random.unit() < 0.02
            let confidence = Confidence(isHard ? 0.85 : 0.95)
            let now = Instant(nanoseconds: UInt64(index) * 1_000_000)
            let decision = budget.decide(confidence, bar: Self.bar, payload: 1, now: now)
            #expect((decision == .accepted) == !isHard)
            guard index > 2000, isHard else { continue }
            hard += 1
            if decision == .escalate { sent += 1 }
        }
        #expect(hard > 100)
        #expect(sent == hard)
    }

    @Test func `Frames that all look alike still use the budget`() throws {
        let frames = [Confidence](repeating: Confidence(0.5), count: Self.frames)
        let sent = Self.spend(frames, try Self.limits()).escalated
        #expect(Double(sent) >= 0.9 * Self.share * Double(Self.frames))
    }

    @Test func `The budget never lowers the bar`() throws {
        var budget = EscalationBudget(
            try EscalationBudget.Limits(share: 0), now: Instant(nanoseconds: 0))
        let now = Instant(nanoseconds: 1)
        for value in [0, 0.3, 0.899_999] {
            let decision = budget.decide(Confidence(value), bar: Self.bar, payload: 1, now: now)
            #expect(decision == .overBudget)
        }
        let sure = budget.decide(Confidence(0.9), bar: Self.bar, payload: 1, now: now)
        #expect(sure == .accepted)
    }

    @Test func `The bandwidth is kept and used, and still goes to the hardest`() throws {
        // 125 frames a second of 10 kB, 50 kB/s: 4 % of the frames, though 50 % might go by share.
        let limits = try EscalationBudget.Limits(share: 0.5, bandwidth: 50_000)
        let frames = EscalationStream.stationary.frames(Self.frames, seed: 7)
        var budget = EscalationBudget(limits, now: Instant(nanoseconds: 0))
        var bytes = 0.0
        let ours = StreamResult(frames) { confidence, now in
            let goes =
                budget.decide(confidence, bar: Self.bar, payload: 10_000, now: now) == .escalate
            bytes += goes ? 10_000 : 0
            let most = 50_000 * Double(now.nanoseconds) / 1e9 + Double(limits.burstBytes)
            #expect(bytes <= most)
            return goes
        }
        #expect(bytes >= 0.9 * 50_000 * 0.008 * Double(frames.count))
        let same = try EscalationBudget.Limits(share: 0.04, burstFrames: 40)
        var first = FirstCome(same, bar: Self.bar.value)
        let theirs = StreamResult(frames) { confidence, _ in first.escalates(confidence) }
        #expect(ours.accuracy > theirs.accuracy + 0.005)
    }

    @Test func `Where the bandwidth alone is scarce it is spent on the hardest`() throws {
        // 1 % of the frames fit; the hardest 1 % of this stream lie below 0.32.
        let limits = try EscalationBudget.Limits(share: 1, bandwidth: 12_500)
        let frames = EscalationStream.stationary.frames(Self.frames, seed: 9)
        var budget = EscalationBudget(limits, now: Instant(nanoseconds: 0))
        var sent: [Double] = []
        _ = StreamResult(frames) { confidence, now in
            let goes =
                budget.decide(confidence, bar: Self.bar, payload: 10_000, now: now) == .escalate
            if goes { sent.append(confidence.value) }
            return goes
        }
        let mean = sent.reduce(0, +) / Double(sent.count)
        #expect(sent.count >= 108)
        #expect(mean < 0.36, "\(mean)")
    }

    @Test func `A payload larger than the bucket goes when it is full, and is paid for`() throws {
        let limits = try EscalationBudget.Limits(share: 1, bandwidth: 1000, burstBytes: 2000)
        var budget = EscalationBudget(limits, now: Instant(nanoseconds: 0))
        var sent: [Int] = []
        for second in 1...30 {
            let now = Instant(nanoseconds: UInt64(second) * 1_000_000_000)
            let decision = budget.decide(
                Confidence(0.1), bar: Self.bar, payload: 10_000, now: now)
            if decision == .escalate { sent.append(second) }
        }
        #expect(sent == [1, 11, 21])
    }

    @Test func `What could not be sent is given back, and audits are paid for`() throws {
        let limits = try EscalationBudget.Limits(share: 0.5, bandwidth: 1000, burstFrames: 10)
        var budget = EscalationBudget(limits, now: Instant(nanoseconds: 0))
        let before = budget.level
        budget.charge(payload: 1000)
        #expect(budget.level < before)
        budget.refund(payload: 1000)
        #expect(budget.level == before)
        for _ in 0..<100 { budget.charge(payload: 1000) }
        #expect(budget.level == 0)
        let later = Instant(nanoseconds: 1_000_000_000_000)
        let decision = budget.decide(Confidence(0), bar: Self.bar, payload: 10, now: later)
        #expect(decision == .overBudget)
    }

    @Test func `Absurd times and payloads overflow nothing`() throws {
        let limits = try EscalationBudget.Limits(
            share: 1, bandwidth: .max, burstFrames: 1 << 30, burstBytes: 4 << 30)
        var budget = EscalationBudget(limits, now: Instant(nanoseconds: 0))
        for now in [Instant(nanoseconds: 0), .distantFuture, Instant(nanoseconds: 5)] {
            for payload in [0, -1, .max] {
                _ = budget.decide(Confidence(0), bar: Self.bar, payload: payload, now: now)
                budget.refund(payload: payload)
            }
        }
        #expect(budget.level <= 1)
    }

    @Test(arguments: [(-0.1, 1), (1.1, 1), (Double.nan, 1), (0.1, 0), (0.1, -5)])
    func `Limits outside their range are refused`(share: Double, bandwidth: Int) {
        var code: Fault.Code?
        do { _ = try EscalationBudget.Limits(share: share, bandwidth: bandwidth) } catch {
            code = error.code
        }
        #expect(code == .invalid)
    }

    @Test func `Audits pick their share and look at nothing but the dice`() throws {
        var random = Randomness(seed: 11)
        for share in [0, 0.001, 0.1, 1] {
            let sampler = try #require(AuditSampler(share: share))
            let picked = (0..<20_000).count { _ in sampler.picks(random: &random) }
            let mean = share * 20_000
            #expect(abs(Double(picked) - mean) <= 5 * (mean * (1 - share)).squareRoot())
        }
        #expect(AuditSampler(share: 1.01) == nil)
        #expect(AuditSampler(share: .nan) == nil)
    }
}
