public import Ground

/// The answer to one HTTP/1.1 request.
public struct HTTPAnswer: Sendable {
    public var status: Int
    /// Names in small letters, in the order they came.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
}

/// One HTTP/1.1 request: webhooks and telemetry, never frames. `send` opens a connection for it
/// alone; a `KeptConnection` uses one for many.
public struct OneRequest {
    public var method = "POST"
    public var path: String
    public var headers: [(String, String)]
    public var body: [Bytes]
    /// From connecting to the answer's last byte.
    public var timeout = Interval.seconds(10)
    /// Largest answer, head and body, bytes: receivers of webhooks say little.
    public var answerLimit = 1 << 20

    public init(path: String, headers: [(String, String)] = [], body: [Bytes] = []) {
        self.path = path
        self.headers = headers
        self.body = body
    }

    /// Sends the request; `completion` is called once, on the loop.
    ///
    /// - Parameter secure: the TLS session to speak through, plain text when `nil`.
    public func send(
        to endpoint: Endpoint, on network: any Network, secure: (any SecureSession)? = nil,
        completion: @escaping (Result<HTTPAnswer, Fault>) -> Void
    ) {
        OneExchange(self, endpoint, secure, completion).connect(on: network)
    }
}
