public import Ground

/// Every bound of a server's connections. Times hold to within one sweep.
public struct HTTPLimits: Sendable {
    /// Largest message or body, bytes, compressed or not: 64 MiB holds a 4K frame as raw floats.
    public var message = 64 << 20
    /// Names and values of one request's headers, bytes: what nginx and gRPC take too.
    public var headers = 16 << 10
    /// Request target, bytes: nothing of ours is longer than a few hundred.
    public var target = 4 << 10
    /// Connections of one server: 4,096 idle ones hold about 100 MB of TLS state and no more.
    public var connections = 4_096
    /// Calls under way on one HTTP/2 connection; gRPC libraries open another connection past 100.
    public var streams = 128
    /// HTTP/2 receive window of one call, bytes: 1 MiB is 80 Mbit/s at 100 ms.
    public var streamWindow = 1 << 20
    /// HTTP/2 receive window of one connection, bytes: a few calls at full speed.
    public var connectionWindow = 4 << 20
    /// Bytes that one connection may hold ready for a socket that does not take them.
    public var unsent = 1 << 20
    /// Bytes that one call's answers may wait for a reader who does not read, before it is cut off.
    public var unread = 16 << 20
    /// Pipelined HTTP/1.1 bytes that wait while a request is answered: a few more requests.
    public var pipelined = 64 << 10
    /// From accepting, or from a head's first byte, to the end of that head, the TLS handshake
    /// among it.
    public var headerTime = Interval.seconds(10)
    /// From a body's or message's first byte to its last.
    public var requestTime = Interval.seconds(60)
    /// Bytes a second that a body must bring after `minimumRateGrace`, or its buffer is freed.
    public var minimumRate = 4 << 10
    /// Two lost packets must not look like a slow sender.
    public var minimumRateGrace = Interval.seconds(5)
    /// A connection without calls is closed after this long; connections are dear, so it is long.
    public var idle = Interval.seconds(300)
    /// Silence on HTTP/2 after which a PING asks whether the client still lives.
    public var keepalive = Interval.seconds(30)
    /// Silence after that PING which proves that it does not.
    public var keepaliveTimeout = Interval.seconds(10)
    /// How long an answer may wait for a reader without a byte moving.
    public var writeTime = Interval.seconds(30)
    /// PING, SETTINGS, PRIORITY, RST_STREAM and empty DATA frames a second before a client is shown
    /// the door.
    public var controlFrames = 1_000
    /// Streams reset by the client: burst, and refill a second. A hedging peer cancels far fewer.
    public var resetBurst = 1_000
    public var resetRate = 200
    /// CONTINUATION frames of one header block; 16 KiB of headers fit in one.
    public var continuations = 8
    /// How long a drain waits for calls under way.
    public var drainTime = Interval.seconds(30)
    /// Time between sweeps, hence the grain of all times above. One timer serves all connections.
    public var sweep = Interval.milliseconds(500)
    /// Hint to a caller who was refused for want of bytes: about one inference and its flush.
    public var retryHint = Interval.milliseconds(100)

    public init() {}

    /// How many sweeps `interval` lasts, rounded up.
    func sweeps(_ interval: Interval) -> Int {
        let grain = max(sweep.nanoseconds, 1)
        return Int((max(interval.nanoseconds, 0) &+ grain - 1) / grain)
    }
}

/// Every bound of a client's connections to one endpoint.
public struct ClientLimits: Sendable {
    /// Connections to one endpoint: a TLS handshake costs 3 to 4 ms, so few and long-lived.
    public var connections = 4
    /// Calls on one connection before another is opened; servers commonly allow 100.
    public var streams = 100
    /// Calls that wait for a connection; later ones are refused at once.
    public var waiting = 1_024
    /// Largest answer, bytes.
    public var message = 64 << 20
    /// Headers of one answer, bytes.
    public var headers = 16 << 10
    /// CONTINUATION frames of one header block; 16 KiB of headers fit in one.
    public var continuations = 8
    /// HTTP/2 receive windows of one call and of one connection, bytes: as a server's.
    public var streamWindow = 1 << 20
    public var connectionWindow = 4 << 20
    /// Bytes ready for a socket that does not take them.
    public var unsent = 1 << 20
    /// For TCP and TLS together.
    public var connectTimeout = Interval.seconds(5)
    /// Silence after which a PING asks whether the server still lives.
    public var keepalive = Interval.seconds(10)
    /// Silence after the PING which proves that it does not.
    public var keepaliveTimeout = Interval.seconds(5)
    /// A connection without calls is closed after this long.
    public var idle = Interval.seconds(300)
    /// First and longest pause after a failed connect; each failure doubles it.
    public var backoff = Interval.milliseconds(100)
    public var backoffMost = Interval.seconds(10)
    /// Time between sweeps, hence the grain of keep-alive and idle times.
    public var sweep = Interval.seconds(1)

    public init() {}
}
