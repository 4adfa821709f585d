public import Ground

/// What a node accepts from those who call it.
public struct Limits: Hashable, Sendable {
    /// Bytes of one message, 1 KiB to 1 GiB. Default 64 MiB: a raw 4K RGB frame is 25 MB, a small
    /// batch of them still fits, and one caller takes at most a quarter of the byte budget.
    public var message = 64 << 20
    /// Bytes of one request's headers, 1 KiB to 1 MiB. Default 16 KiB: an inference call has less
    /// than 1 KiB; tokens and traces of proxies need some more.
    public var headers = 16 << 10
    /// Calls on one connection at a time, 1 to 65,536. Default 256: RFC 9113 advises at least 100,
    /// and a camera gateway with many cameras behind it uses one connection.
    public var streams = 256
    /// Open connections of a node, 1 to 1,000,000. Default 1024: dozens of cameras with room for
    /// restarts, and about 30 MB of TLS state at worst.
    public var connections = 1024
    /// Pixels of a compressed image, 1 to 10⁹. Default 40 megapixels: the largest industrial
    /// cameras, at 120 MB decoded; a small file can claim far more.
    public var pixels = 40_000_000
    /// After how long a connection without calls is closed. Default 5 min: a camera that sends an
    /// event every few minutes keeps its connection.
    public var idle = Interval.seconds(300)
    /// How long the upload of one request may take. Default 30 s: 64 MiB at 18 Mbit/s.
    public var request = Interval.seconds(30)
    /// Bytes per second that an upload must keep up, 0 to 1 GB. Default 16 KiB/s: a JPEG over the
    /// worst radio link; slower senders only hold memory.
    public var minimumRate = 16 << 10
    /// How long calls that run may take to end when the node stops. Default 10 s: longer than any
    /// frame's deadline that a camera waits for, shorter than a service manager's patience of 90 s.
    public var drain = Interval.seconds(10)
    /// How long one inference may run, 100 ms to 10 min. Default 5 s: ten times what the slowest
    /// model for a camera takes on a slow core. An isolated engine that exceeds it is started
    /// again; a model in the node's process counts as stuck, and the node as not ready.
    public var inference = Interval.seconds(5)
    /// How long a handshake and a request's headers may take. Default 10 s: several round trips of
    /// a bad satellite link; slower is an attack.
    public var headerTime = Interval.seconds(10)

    /// The defaults.
    public init() {}

    /// What `fields` say, and `base` where they say nothing.
    init(_ fields: Fields, over base: Limits) {
        let second = Interval.seconds(1)
        message = fields.value("message", .bytes(1 << 10...1 << 30), or: base.message)
        headers = fields.value("headers", .bytes(1 << 10...1 << 20), or: base.headers)
        streams = fields.value("streams", .count(1...65_536), or: base.streams)
        connections = fields.value("connections", .count(1...1_000_000), or: base.connections)
        pixels = fields.value("pixels", .pixels(1...1_000_000_000), or: base.pixels)
        idle = fields.value("idle", .interval(second...(.seconds(86_400))), or: base.idle)
        request = fields.value("request", .interval(second...(.seconds(3600))), or: base.request)
        minimumRate = fields.value(
            "minimum_rate", .byteRate(0...1_000_000_000), or: base.minimumRate)
        drain = fields.value("drain", .interval(.zero...(.seconds(600))), or: base.drain)
        inference = fields.value(
            "inference", .interval(.milliseconds(100)...(.seconds(600))), or: base.inference)
        headerTime = fields.value(
            "header_time", .interval(.milliseconds(100)...(.seconds(300))), or: base.headerTime)
        fields.finish()
    }
}
