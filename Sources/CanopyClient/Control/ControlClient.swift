public import Cryptography
internal import EventLoop
public import Ground
internal import HTTP
internal import Synchronization
public import Wire

/// Asks nodes what operators ask of them: how they are, to drain, to hold a breaker, to read their
/// topology again. May be used from any thread; one loop serves all nodes.
///
/// ```swift
/// let control = try ControlClient(trust: authority, credentials: operatorsCertificate)
/// let leaf = ControlClient.Target(name: "leaf", endpoint: Endpoint("leaf.example:8443")!)
/// print(try await control.status(of: leaf).ready)
/// control.close()
/// ```
public final class ControlClient: Sendable {
    /// A node, by the name that its certificate must state, and where it serves control.
    public struct Target: Hashable, Sendable {
        public var name: String
        public var endpoint: Endpoint

        public init(name: String, endpoint: Endpoint) {
            self.name = name
            self.endpoint = endpoint
        }
    }

    /// How long an answer may take when nothing else is said. 3 s: a lost packet is sent again
    /// twice, and a person still waits.
    public static let patience = Interval.seconds(3)

    private let thread: LoopThread
    private let link: LoopConfined<ControlLink>

    /// - Parameters:
    ///   - trust: PEM of the site's authority.
    ///   - credentials: of a role, or of a node that may control.
    /// - Throws: when a certificate or key cannot be read.
    public init(trust: [UInt8], credentials: TLSCredentials) throws(Fault) {
        let context = try TLSContext(.client(credentials, trust: .authorities(trust)))
        let made = Made()
        thread = try LoopThread(name: "canopy-control") { (loop) throws(Fault) in
            let link = LoopConfined(ControlLink(loop, context), to: loop.poster)
            made.link.withLock { $0 = link }
        }
        guard let link = made.link.withLock({ $0 }) else {
            throw Fault(.inner, "the client's loop did not start")
        }
        self.link = link
    }

    private final class Made: Sendable {
        let link = Mutex<LoopConfined<ControlLink>?>(nil)
    }

    /// Ends all connections, and waits for it.
    public func close() {
        link.post { $0.close() }
        thread.stop()
        thread.join()
    }

    /// Asks one node for its state.
    ///
    /// - Throws: what the node says, or why it cannot be reached within `timeout`.
    public func status(
        of node: Target, timeout: Interval = patience
    ) async throws(Fault) -> NodeStatus {
        try await ask(node, RPCPath.status, EmptyRequest(), timeout)
    }

    /// Lets a node take no new frames, or take them again.
    public func drain(
        _ node: Target, _ draining: Bool = true, timeout: Interval = patience
    ) async throws(Fault) -> DrainReply {
        let path = draining ? RPCPath.drain : RPCPath.undrain
        return try await ask(node, path, EmptyRequest(), timeout)
    }

    /// Holds the breaker of one of the node's peers open or closed, or lets it judge by itself.
    public func override(
        _ order: BreakerOverride, at node: Target, timeout: Interval = patience
    ) async throws(Fault) -> BreakerOverrideReply {
        try await ask(node, RPCPath.overrideBreaker, order, timeout)
    }

    /// Lets a node read its topology again. A topology that it refuses is an answer, not a fault.
    public func reload(
        _ node: Target, timeout: Interval = patience
    ) async throws(Fault) -> ReloadReply {
        try await ask(node, RPCPath.reload, EmptyRequest(), timeout)
    }

    func ask<Answer: WireMessage>(
        _ node: Target, _ path: String, _ message: some WireMessage, _ timeout: Interval
    ) async throws(Fault) -> Answer {
        let result: Result<Answer, Fault> = await withCheckedContinuation { continuation in
            let posted = link.post { link in
                link.ask(node, path, message, timeout) { continuation.resume(returning: $0) }
            }
            if !posted {
                continuation.resume(returning: .failure(Fault(.cancelled, "the client is closed")))
            }
        }
        return try result.get()
    }
}
