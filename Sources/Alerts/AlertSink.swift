public import Ground

/// A way out of the node for alerts: a webhook, a broker. Confined to its loop.
public protocol AlertSink: AnyObject {
    /// Letters that it can have on the way at a time.
    var window: Int { get }
    /// Whether letters sent at a time are answered together.
    var inBatches: Bool { get }
    /// Begins; from now on `hear` is told what happens, on the loop, until `close`.
    func open(_ hear: @escaping (SinkEvent) -> Void)
    /// Sends letters, in order; an event about each follows. Called after `.opened` only.
    func send(_ letters: [Outbox.Letter])
    /// Ends. Nothing is heard any more.
    func close()
}

/// What a sink has to say.
public enum SinkEvent {
    /// It takes letters from now on.
    case opened
    /// It takes none until it opens again; what it has is to be sent anew.
    case closed(Fault)
    /// The letter of this number has arrived.
    case delivered(UInt64)
    /// What it has did not arrive, and may later: after at least `after`, where it asked for that.
    case failed(Fault, after: Interval?)
    /// The letter of this number will never be taken.
    case refused(UInt64, Fault)
}
