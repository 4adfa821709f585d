import Ground
import Testing

@testable import Inference

/// An engine under supervision, looked at every 100 ms.
private struct Watch {
    var now = Instant(nanoseconds: 1_000_000_000)
    var supervision: Supervision
    var signs = Supervision.Signs(beat: 0, runningSince: nil, longest: nil, failures: 0)

    init(limit: Interval = .seconds(5), seed: UInt64 = 1) {
        supervision = Supervision(inferenceLimit: limit, now: now, seed: seed)
    }

    /// Looks `count` times; the first step that is to be taken.
    mutating func look(_ count: Int = 1, beats: Bool = true) -> Supervision.Step? {
        for _ in 0..<count {
            now = now + Supervision.look
            if beats { signs.beat &+= 1 }
            if let step = supervision.look(signs, now: now) { return step }
        }
        return nil
    }

    mutating func serve() {
        while look() != .launch {}
        supervision.isReady()
    }
}

@Suite struct `Supervising an engine` {
    @Test func `It is launched at once, and left alone while it beats`() {
        var watch = Watch()
        #expect(watch.look() == .launch)
        #expect(watch.look(100) == nil, "it is loading")
        watch.supervision.isReady()
        #expect(watch.look(1000) == nil)
    }

    @Test func `A process that gets no time to run is ended within a second`() {
        var watch = Watch()
        watch.serve()
        #expect(watch.look(5) == nil)
        #expect(watch.look(9, beats: false) == nil)
        #expect(watch.look(1, beats: false) == .kill("its process does not run"))
    }

    @Test func `A machine that slept is no silent engine`() {
        var watch = Watch()
        watch.serve()
        _ = watch.look()
        watch.now = watch.now + .seconds(3600)
        #expect(watch.look(1, beats: false) == nil)
        #expect(watch.look() == nil)
    }

    @Test func `An inference that never ends ends its engine`() {
        var watch = Watch(limit: .seconds(2))
        watch.serve()
        watch.signs.runningSince = watch.now
        #expect(watch.look(20) == nil)
        #expect(watch.look() == .kill("an inference has been running for 2100 ms"))
    }

    @Test func `An inference far longer than all before it ends its engine earlier`() {
        for (longest, looks) in [(1, 10), (100, 20), (1000, 50)] as [(Int64, Int)] {
            var watch = Watch(limit: .seconds(5))
            watch.serve()
            watch.signs.longest = .milliseconds(longest)
            watch.signs.runningSince = watch.now
            #expect(watch.look(looks) == nil)
            #expect(watch.look() != nil, "after \(looks) looks")
        }
    }

    @Test func `Three failures in a row end an engine; two do not`() {
        var watch = Watch()
        watch.serve()
        watch.signs.failures = 2
        #expect(watch.look(10) == nil)
        watch.signs.failures = 3
        #expect(watch.look() == .kill("3 inferences in a row failed"))
    }

    @Test func `A start that never ends is ended`() {
        var watch = Watch()
        #expect(watch.look() == .launch)
        #expect(watch.look(1199) == nil)
        #expect(watch.look(2) == .kill("it was not ready after 120 s"))
    }

    @Test func `Pauses double, within a fifth, and a fourth crash is the last`() throws {
        for seed in 0..<20 as Range<UInt64> {
            var watch = Watch(seed: seed)
            for expected in [1.0, 2.0, 4.0] {
                watch.serve()
                watch.supervision.crashed(now: watch.now)
                guard case .pausing(let until) = watch.supervision.state else {
                    Issue.record("it is not started again: \(watch.supervision.state)")
                    return
                }
                let pause = (until - watch.now).seconds
                #expect((0.8 * expected...1.2 * expected).contains(pause))
            }
            watch.serve()
            watch.supervision.crashed(now: watch.now)
            #expect(watch.supervision.state == .down)
            #expect(watch.look(1000) == nil, "it stays down")
        }
    }

    @Test func `Crashes that lie far apart are forgotten`() {
        var watch = Watch()
        for _ in 0..<50 {
            watch.serve()
            watch.now = watch.now + Supervision.window
            watch.supervision.crashed(now: watch.now)
            #expect(watch.supervision.state != .down)
        }
    }
}
