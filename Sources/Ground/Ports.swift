// The ports: everything that differs between a real node and a simulated one. `EventLoop` and
// `Storage` implement them for real; the simulator implements them in virtual time. No other room
// reads a clock, a disk or a socket.

/// Tells the time.
public protocol TimeSource: Sendable {
    /// Monotonic; for deadlines, timers and measurements.
    var now: Instant { get }
    /// Time of day; for people, certificates and records.
    var wall: WallTime { get }
}

/// A seeded source of random numbers for decisions. Keys and nonces come from `Cryptography`, never
/// from here.
///
/// SplitMix64 (Steele, Lea, Flood 2014): one word of state, the same sequence on every machine.
public struct Randomness: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1), 53 bits.
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// Small files and folders, for what is read at start and on the control plane. Calls block: never
/// call it on a loop.
public protocol Disk: Sendable {
    /// All bytes of a file; a fault when it is missing, or larger than `limit`.
    func read(_ path: String, limit: Int) throws(Fault) -> [UInt8]
    /// Replaces or makes a file such that a reader sees the old or the new bytes, also after a
    /// power cut.
    func replace(_ path: String, with bytes: [UInt8]) throws(Fault)
    /// Names in a folder, sorted.
    func list(_ folder: String) throws(Fault) -> [String]
    /// Size of a file in bytes, or `nil` when there is none.
    func size(_ path: String) -> Int?
    /// Removes a file; nothing happens when there is none.
    func remove(_ path: String) throws(Fault)
}

/// A stream of bytes between two ends: a TCP connection, or a virtual one. All calls and callbacks
/// are on its loop.
public protocol Transport: AnyObject {
    /// Who hears of bytes and of the end. Held strongly until `closed` was called.
    var receiver: (any TransportReceiver)? { get set }
    /// The other end's address, for logs and limits.
    var peer: Endpoint { get }
    /// Bytes accepted by `send` that the kernel has not taken yet.
    var unsent: Int { get }
    /// Sends `bytes` in order. The slices stay referenced until the kernel has taken them.
    func send(_ bytes: [Bytes])
    /// Stops or resumes reading: back-pressure to the other end.
    func setReading(_ on: Bool)
    /// Ends the stream: after what is unsent when `abruptly` is false, at once otherwise. `closed`
    /// follows.
    func close(abruptly: Bool)
}

/// Hears what a transport receives.
public protocol TransportReceiver: AnyObject {
    /// Bytes came. The memory is valid during the call only.
    func received(_ bytes: UnsafeRawBufferPointer)
    /// Everything handed to `send` has been taken by the kernel.
    func drained()
    /// The stream has ended, once: `nil` after an orderly end.
    func closed(_ fault: Fault?)
}

/// Where a node listens or can be reached.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A name or a numeric address, without brackets.
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[v6]:port`; `nil` when there is no port from 0 to 65535.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        guard let port = Int(text[text.index(after: colon)...]), (0...65535).contains(port) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Opens and accepts transports, on one loop.
public protocol Network: AnyObject {
    /// Opens a stream; `completion` is called once, on the loop.
    func connect(
        to endpoint: Endpoint, timeout: Interval,
        completion: @escaping (Result<any Transport, Fault>) -> Void)
    /// Calls `body` after `delay` on the loop, unless the timer is cancelled first.
    func schedule(after delay: Interval, _ body: @escaping () -> Void) -> any ScheduledTimer
    var time: any TimeSource { get }
}

/// A timer that may be cancelled.
public protocol ScheduledTimer: AnyObject {
    func cancel()
}
