import Dispatch
import Glibc
import Ground
import Synchronization
import Testing

@testable import Inference

/// A model that runs for as long as the test holds its gate, and remembers what it ran.
private final class GatedRunner: ModelRunner {
    private let began = DispatchSemaphore(value: 0)
    private let gate = DispatchSemaphore(value: 0)
    private let order = Mutex<[UInt64]>([])
    private let rested = Mutex<Set<Int>>([])
    private let rests = DispatchSemaphore(value: 0)

    func run(
        _ input: InferenceInput, worker: Int, times: inout InferenceTimes
    ) throws(Fault) -> InferenceResult {
        if case .tensors(let tensors) = input {
            order.withLock { $0.append(UInt64(tensors[0].shape[0])) }
        }
        began.signal()
        gate.wait()
        return InferenceResult(outputs: [], classes: [], scores: nil)
    }

    /// Waits until a worker runs another job.
    func awaitStart() { _ = began.wait(timeout: .now() + 30) }
    /// Lets `count` jobs end.
    func release(_ count: Int) { for _ in 0..<count { gate.signal() } }
    func release(worker: Int) {
        rested.withLock { _ = $0.insert(worker) }
        rests.signal()
    }

    /// Waits until these workers have gone.
    func awaitRest(of workers: Set<Int>) {
        while !rested.withLock({ $0.isSuperset(of: workers) }) {
            guard rests.wait(timeout: .now() + 30) == .success else { return }
        }
    }
    var ran: [UInt64] { order.withLock { $0 } }
}

/// Workers, a clock and one model.
private struct Bench {
    let time = ManualTime()
    let runner = GatedRunner()
    let outcomes = Outcomes()
    let pool: WorkerPool
    let queue: JobQueue

    init(
        workers: Int = 1, depth: Int = 4, idle: Interval = EngineSettings.defaultIdle,
        computes: Bool = true
    ) throws {
        pool = try WorkerPool(workers: workers, idle: idle, computes: computes, time: time)
        queue = pool.open(runner, depth: depth)
    }

    func job(_ tag: UInt64, _ lane: Lane = .realtime, within: Interval = .seconds(10))
        -> InferenceJob
    {
        let mark = Tensor(name: "", type: .uint8, shape: [Int(tag)], bytes: Bytes([]))
        return InferenceJob(
            tag: tag, input: .tensors([mark]), lane: lane, deadline: time.now + within,
            sink: outcomes)
    }

    func submit(_ tag: UInt64, _ lane: Lane = .realtime) -> Bool {
        pool.submit(job(tag, lane), to: queue)
    }
}

private func code(_ outcome: InferenceOutcome) -> Fault.Code? {
    if case .failure(let fault) = outcome.result { fault.code } else { nil }
}

/// Notes how nice the threads are that run it.
private final class NiceRunner: ModelRunner {
    let seen = Mutex<[Int32]>([])

    func run(
        _ input: InferenceInput, worker: Int, times: inout InferenceTimes
    ) throws(Fault) -> InferenceResult {
        seen.withLock { $0.append(WorkerThread.ownNiceness) }
        return InferenceResult(outputs: [], classes: [], scores: nil)
    }
}

@Suite struct `Workers and queues` {
    @Test(arguments: [(true, WorkerThread.niceness), (false, 0)])
    func `Threads that compute give way to loops, and those that hand on do not`(
        computes: Bool, more: Int32
    ) throws {
        let bench = try Bench(computes: computes)
        defer { bench.pool.stop() }
        let runner = NiceRunner()
        let queue = bench.pool.open(runner, depth: 1)
        #expect(bench.pool.submit(bench.job(1), to: queue))
        _ = bench.outcomes.wait(for: 1)
        let expected = min(WorkerThread.ownNiceness + more, 19)
        #expect(runner.seen.withLock { $0 } == [expected])
    }

    @Test func `A full lane refuses, and takes again when a job has left`() throws {
        let bench = try Bench(depth: 3)
        defer { bench.pool.stop() }
        #expect(bench.submit(0))
        bench.runner.awaitStart()
        for tag in 1...3 as ClosedRange<UInt64> { #expect(bench.submit(tag)) }
        #expect(!bench.submit(4))
        #expect(bench.submit(5, .other), "the other lane has places of its own")
        #expect(bench.pool.waiting(in: bench.queue) == 4)
        bench.runner.release(1)
        bench.runner.awaitStart()
        #expect(bench.submit(6))
        bench.runner.release(5)
        #expect(bench.outcomes.wait(for: 6).count == 6)
    }

    @Test func `A job that never ends can be told by since when it runs`() throws {
        let bench = try Bench(workers: 2)
        defer { bench.pool.stop() }
        #expect(bench.pool.runningSince(in: bench.queue) == nil)
        let start = bench.time.now
        #expect(bench.submit(0))
        bench.runner.awaitStart()
        bench.time.advance(.seconds(11))
        #expect(bench.submit(1))
        bench.runner.awaitStart()
        #expect(bench.pool.runningSince(in: bench.queue) == start, "the oldest of two")
        let other = bench.pool.open(GatedRunner(), depth: 1)
        #expect(bench.pool.runningSince(in: other) == nil, "the other model runs nothing")
        bench.runner.release(2)
        _ = bench.outcomes.wait(for: 2)
    }

    @Test func `Realtime goes first, each lane in its order`() throws {
        let bench = try Bench()
        defer { bench.pool.stop() }
        #expect(bench.submit(0))
        bench.runner.awaitStart()
        for (tag, lane) in [(1, .other), (2, .realtime), (3, .other), (4, .realtime)]
            as [(UInt64, Lane)]
        {
            #expect(bench.submit(tag, lane))
        }
        bench.runner.release(5)
        _ = bench.outcomes.wait(for: 5)
        #expect(bench.runner.ran == [0, 2, 4, 1, 3])
    }

    @Test func `Of two workers one is kept for realtime`() throws {
        let bench = try Bench(workers: 2)
        defer { bench.pool.stop() }
        #expect(bench.submit(0, .other))
        bench.runner.awaitStart()
        #expect(bench.submit(1, .other))
        #expect(bench.submit(2, .realtime))
        bench.runner.awaitStart()
        #expect(bench.runner.ran == [0, 2])
        bench.runner.release(3)
        _ = bench.outcomes.wait(for: 3)
        #expect(bench.runner.ran == [0, 2, 1])
    }

    @Test func `Workers come with the load, up to the maximum, and go when there is none`() throws {
        let bench = try Bench(workers: 4, depth: 16, idle: .milliseconds(1))
        defer { bench.pool.stop() }
        #expect(bench.pool.alive == 1)
        for tag in 0..<8 as Range<UInt64> { #expect(bench.submit(tag)) }
        for _ in 0..<4 { bench.runner.awaitStart() }
        #expect(bench.pool.alive == 4)
        bench.runner.release(8)
        _ = bench.outcomes.wait(for: 8)
        bench.runner.awaitRest(of: [1, 2, 3])
        while bench.pool.alive > 1 { sched_yield() }
        #expect(bench.submit(9))
        bench.runner.release(1)
        #expect(bench.outcomes.wait(for: 1).count == 9, "the first is always there")
    }

    @Test func `Jobs of two models go by their age`() throws {
        let bench = try Bench()
        let second = bench.pool.open(bench.runner, depth: 4)
        defer { bench.pool.stop() }
        #expect(bench.submit(0))
        bench.runner.awaitStart()
        for tag in 1...4 as ClosedRange<UInt64> {
            let queue = tag % 2 == 0 ? bench.queue : second
            #expect(bench.pool.submit(bench.job(tag), to: queue))
        }
        bench.runner.release(5)
        _ = bench.outcomes.wait(for: 5)
        #expect(bench.runner.ran == [0, 1, 2, 3, 4])
    }

    @Test func `A job past its deadline is not run, and says so`() throws {
        let bench = try Bench()
        defer { bench.pool.stop() }
        #expect(bench.submit(0))
        bench.runner.awaitStart()
        #expect(bench.pool.submit(bench.job(1, within: .milliseconds(5)), to: bench.queue))
        bench.time.advance(.milliseconds(5))
        bench.runner.release(1)
        let outcomes = bench.outcomes.wait(for: 2)
        #expect(bench.runner.ran == [0])
        #expect(outcomes[1].tag == 1 && code(outcomes[1]) == .deadline)
        #expect(outcomes[1].times.queued == .milliseconds(5))
    }

    @Test func `A cancelled job is not run; one that runs cannot be cancelled`() throws {
        let bench = try Bench()
        defer { bench.pool.stop() }
        let running = bench.job(0)
        let waiting = bench.job(1)
        #expect(bench.pool.submit(running, to: bench.queue))
        bench.runner.awaitStart()
        #expect(bench.pool.submit(waiting, to: bench.queue))
        #expect(waiting.cancel())
        #expect(!waiting.cancel())
        #expect(!running.cancel())
        bench.runner.release(1)
        let outcomes = bench.outcomes.wait(for: 2)
        #expect(code(outcomes[0]) == nil)
        #expect(outcomes[1].tag == 1 && code(outcomes[1]) == .cancelled)
        #expect(bench.runner.ran == [0])
    }

    @Test func `Cancelled and expired jobs make room in a full lane`() throws {
        let bench = try Bench(depth: 3)
        defer { bench.pool.stop() }
        #expect(bench.submit(0))
        bench.runner.awaitStart()
        let cancelled = bench.job(1)
        #expect(bench.pool.submit(cancelled, to: bench.queue))
        #expect(bench.pool.submit(bench.job(2, within: .milliseconds(1)), to: bench.queue))
        #expect(bench.submit(3))
        #expect(!bench.submit(4))
        cancelled.cancel()
        bench.time.advance(.milliseconds(1))
        #expect(bench.submit(4))
        #expect(bench.submit(5))
        #expect(!bench.submit(6))
        bench.runner.release(4)
        let outcomes = bench.outcomes.wait(for: 6)
        #expect(outcomes.prefix(2).map { code($0) } == [.cancelled, .deadline])
        #expect(bench.runner.ran == [0, 3, 4, 5])
    }

    @Test func `Closing ends what waits as unavailable and refuses the rest`() throws {
        let bench = try Bench()
        defer { bench.pool.stop() }
        #expect(bench.submit(0))
        bench.runner.awaitStart()
        #expect(bench.submit(1))
        #expect(bench.submit(2, .other))
        bench.pool.close(bench.queue)
        #expect(!bench.submit(3))
        let closed = bench.outcomes.wait(for: 2)
        #expect(closed.map(\.tag) == [1, 2])
        #expect(closed.allSatisfy { code($0) == .unavailable })
        bench.runner.release(1)
        #expect(code(bench.outcomes.wait(for: 1)[2]) == nil, "what ran ended as usual")
    }

    @Test func `Every accepted job ends exactly once, whatever becomes of it`() throws {
        let bench = try Bench(workers: 3, depth: 16)
        bench.runner.release(4000)
        var random = Randomness(seed: 11)
        var accepted: Set<UInt64> = []
        for tag in 0..<2000 as Range<UInt64> {
            let lane: Lane = random.next() % 2 == 0 ? .realtime : .other
            let job = bench.job(tag, lane, within: .milliseconds(Int64(random.next() % 3)))
            if bench.pool.submit(job, to: bench.queue) { accepted.insert(tag) }
            if random.next() % 5 == 0 { job.cancel() }
            if random.next() % 7 == 0 { bench.time.advance(.milliseconds(1)) }
        }
        bench.pool.stop()
        let ended = bench.outcomes.wait(for: 0).map(\.tag)
        #expect(ended.count == accepted.count)
        #expect(Set(ended) == accepted)
    }
}
