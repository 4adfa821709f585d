internal import CLinux
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
    /// Calls `body` on the loop once `delay` has passed; never in the current turn. On an ended
    /// loop it is never called.
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

    /// Sets the kernel's timer. A timerfd, since libuv's own timers count whole milliseconds and
    /// come up to two late; set only when the earliest moment changes, so it costs no call per
    /// timer.
    private func arm(for deadline: UInt64) {
        armedFor = deadline
        canopy_timer_set(timerDescriptor, deadline)
    }

    /// Calls what is due. The clock is read once, so that a body which schedules itself anew with
    /// no delay waits for the next turn and sockets get theirs.
    func fireTimers() {
        canopy_timer_clear(timerDescriptor)
        let now = MonotonicTime.nanoseconds
        armedFor = .max
        while let body = timers.popDue(now: now) {
            counters.timersFired += 1
            body()
        }
        if !isEnding, let next = timers.earliest(), next < armedFor { arm(for: next) }
    }
}
