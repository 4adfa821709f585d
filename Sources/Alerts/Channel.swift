public import Ground

/// One sink and the alerts it is owed: keeps the outbox, the sink and the clock together. Confined
/// to its loop.
public final class Channel {
    /// What became of alerts, for logs and numbers.
    public enum News {
        /// Delivered, so long after the frame was received or the condition changed.
        case delivered(Alert, after: Interval)
        /// Nothing arrives, for this reason; said once until something does.
        case failing(Fault)
        /// The sink takes alerts again.
        case recovered
        /// An alert will never be taken.
        case refused(id: String, Fault)
    }

    public let name: String
    private var outbox: Outbox
    private let sink: any AlertSink
    private let network: any Network
    private let hear: (News) -> Void
    /// Hears the tickets of alerts that were delivered or given up.
    public var done: (UInt64) -> Void = { _ in }
    private var random: Randomness
    private var timer: (any ScheduledTimer)?
    private var timerAt: Instant?
    private var isFailing = false
    private var whenEmpty: (() -> Void)?

    /// - Parameters:
    ///   - queue: alerts that may wait; then the oldest is dropped.
    ///   - hear: told what becomes of alerts, on the loop.
    public init(
        _ name: String, to sink: any AlertSink, queue: Int, on network: any Network, seed: UInt64,
        hear: @escaping (News) -> Void
    ) {
        self.name = name
        self.sink = sink
        self.network = network
        self.hear = hear
        random = Randomness(seed: seed)
        outbox = Outbox(
            Outbox.Settings(
                limit: max(queue, sink.window + 1), window: sink.window, inBatches: sink.inBatches))
    }

    /// What became of all alerts so far.
    public var counts: Outbox.Counts { outbox.counts }

    /// Alerts that are not delivered.
    public var depth: Int { outbox.count }

    /// Whether one more alert would drop none.
    public var hasRoom: Bool { outbox.hasRoom }

    /// Alerts are lost that were never posted; the next one to be posted tells of them.
    public func missed(_ alerts: Int) { outbox.missed(alerts) }

    /// Opens the sink.
    public func open() {
        sink.open { [weak self] in self?.on($0) }
    }

    /// Sends an alert as soon as the sink takes it.
    ///
    /// - Parameter ticket: what `done` is to call it.
    public func post(_ alert: Alert, ticket: UInt64? = nil) {
        outbox.post(alert, ticket: ticket)
        pump()
    }

    /// Calls `body` once, when nothing is owed; at once when that is so.
    public func whenDelivered(_ body: @escaping () -> Void) {
        if outbox.count == 0 { return body() }
        whenEmpty = body
    }

    /// Ends. What was not delivered is lost.
    public func close() {
        timer?.cancel()
        timer = nil
        whenEmpty = nil
        sink.close()
    }

    private func on(_ event: SinkEvent) {
        switch event {
        case .opened:
            outbox.opened()
            succeed()
        case .closed(let fault):
            outbox.closed()
            fail(fault)
        case .delivered(let number):
            succeed()
            if let letter = outbox.delivered(number) {
                hear(.delivered(letter.alert, after: network.time.now - letter.alert.since))
                if let ticket = letter.ticket { done(ticket) }
            }
        case .failed(let fault, let after):
            outbox.failed(after: after, now: network.time.now, random: &random)
            fail(fault)
        case .refused(let number, let fault):
            if let letter = outbox.refused(number) {
                hear(.refused(id: letter.alert.id, fault))
                if let ticket = letter.ticket { done(ticket) }
            }
        }
        pump()
    }

    private func fail(_ fault: Fault) {
        if !isFailing { hear(.failing(fault)) }
        isFailing = true
    }

    private func succeed() {
        if isFailing { hear(.recovered) }
        isFailing = false
    }

    private func pump() {
        let letters = outbox.next(now: network.time.now)
        if !letters.isEmpty { sink.send(letters) }
        if outbox.count == 0, let whenEmpty {
            self.whenEmpty = nil
            whenEmpty()
        }
        arm()
    }

    private func arm() {
        let due = outbox.due
        guard due != timerAt else { return }
        timer?.cancel()
        timerAt = due
        timer = due.map { due in
            network.schedule(after: due - network.time.now) { [weak self] in
                self?.timerAt = nil
                self?.pump()
            }
        }
    }
}
