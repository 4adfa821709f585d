public import Ground

/// What a server does with calls. All calls and callbacks are on the server's loop.
public protocol Service: AnyObject {
    /// A request's headers are whole. The handler hears of the rest; the call may be answered at
    /// any time.
    func begin(_ call: ServerCall) -> any CallHandler
}

/// Hears what one call's client sends. The call holds it until it ends.
public protocol CallHandler: AnyObject {
    /// gRPC: one message, once for each. REST: the whole body, once, empty when there is none.
    func message(_ bytes: Bytes)
    /// The client will send nothing more.
    func halfClosed()
    /// The call ended before its answer did: the client went away or broke a bound. Nothing
    /// follows.
    func cancelled(_ fault: Fault)
    /// Answer bytes have left for the socket: `ServerCall.unsent` is smaller now.
    func advanced()
    /// Most bytes of a REST body, within the server's limit. Asked before any are reserved.
    var bodyLimit: Int { get }
    /// gRPC: whether the client may send its first message whenever it likes. One of any other call
    /// follows its headers at once, as a body does.
    var isStream: Bool { get }
}

extension CallHandler {
    public func advanced() {}
    public var bodyLimit: Int { .max }
    public var isStream: Bool { false }
}

/// What a loop does for its servers and clients beside `Network`.
public struct LoopHooks {
    /// Runs a body once, when everything else of the loop's current turn has run.
    public var endOfTurn: (@escaping () -> Void) -> Void
    /// Runs a body on the loop; may be called from any thread.
    public var post: @Sendable (@escaping @Sendable () -> Void) -> Void

    public init(
        endOfTurn: @escaping (@escaping () -> Void) -> Void,
        post: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) {
        self.endOfTurn = endOfTurn
        self.post = post
    }
}
