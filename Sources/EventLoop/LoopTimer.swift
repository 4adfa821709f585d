internal import CLibuv
public import Ground

/// A body waiting for its moment.
final class LoopTimer: ScheduledTimer {
    private let queue: TimerQueue
    private let slot: Int
    private let order: UInt64

    init(queue: TimerQueue, slot: Int, order: UInt64) {
        self.queue = queue
        self.slot = slot
        self.order = order
    }

    func cancel() { queue.cancel(slot: slot, order: order) }
}

extension Loop {
    /// Calls `body` on the loop once `delay` has passed, and at most about a millisecond later when
    /// the loop is idle; never in the current turn. On an ended loop it is never called.
    ///
    /// The timer may be dropped: only `cancel` takes the body back.
    @discardableResult
    public func schedule(
        after delay: Interval, _ body: @escaping () -> Void
    ) -> any ScheduledTimer {
        schedule(at: Instant(nanoseconds: MonotonicTime.nanoseconds) + max(delay, .zero), body)
    }

    /// `schedule` for a moment on `time`; one that has passed means the next turn.
    @discardableResult
    public func schedule(
        at moment: Instant, _ body: @escaping () -> Void
    ) -> any ScheduledTimer {
        assertOnLoop()
        guard !isEnding else { return LoopTimer(queue: timers, slot: .max, order: 0) }
        let deadline = moment.nanoseconds
        let (slot, order) = timers.add(deadline: deadline, body: body)
        if deadline < armedFor { arm(for: deadline) }
        return LoopTimer(queue: timers, slot: slot, order: order)
    }

    /// Timers that wait, the cancelled ones not counted.
    public var pendingTimers: Int { timers.count }

    /// Sets the one libuv timer. libuv counts whole milliseconds of the same clock, so the deadline
    /// is rounded up to one: then nothing fires early.
    private func arm(for deadline: UInt64) {
        armedFor = deadline
        let due = deadline / 1_000_000 + (deadline % 1_000_000 == 0 ? 0 : 1)
        let turn = uv_now(uv)
        // Never 0, with which libuv fires again in the same turn and sockets would wait for ever.
        uv_timer_start(
            timer, { Loop.of($0!.pointee.loop).fireTimers() }, due > turn ? due - turn : 1, 0)
    }

    /// Calls what is due. The clock is read once, so that a body which schedules itself anew with
    /// no delay waits for the next turn and sockets get theirs.
    private func fireTimers() {
        let now = MonotonicTime.nanoseconds
        armedFor = .max
        while let body = timers.popDue(now: now) {
            counters.timersFired += 1
            body()
        }
        if !isEnding, let next = timers.earliest(), next < armedFor { arm(for: next) }
    }
}
