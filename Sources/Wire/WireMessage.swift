public import Ground

/// A message of the wire: a protobuf outside, a plain value inside.
public protocol WireMessage: Sendable {
    /// Reads one whole message.
    ///
    /// Unknown fields are skipped. Throws `invalid` (a client's message) or `corrupt` (a peer's)
    /// when the bytes are no such message, and `exhausted` when a bound of `WireLimits` is passed.
    static func decode(_ bytes: Bytes) throws(Fault) -> Self

    /// The message as slices to be sent one after the other.
    func encode() -> [Bytes]
}

/// What a decoder accepts at most. A message past a bound is refused with `exhausted`.
public enum WireLimits {
    /// Tensors in one request or response. The largest published models take about 30.
    public static let tensors = 64
    /// Parameters of one request, one response or one tensor. Canopy's and Triton's own are under
    /// 20.
    public static let parameters = 256
    /// Dimensions of a tensor. Frameworks stop at 8 (TensorRT) to 64 (PyTorch); models stay under
    /// 8.
    public static let rank = 16
    /// Names, versions, extensions and tasks in one list: as many as a hub may have tasks.
    public static let list = 4096
    /// Memory that one message may take while it is unpacked, beside what grows with its length:
    /// 256 parameters of a few bytes each take about 60 KiB.
    static let unpackingBase = 256 * 1024
    /// Growth allowed per byte of the message. One-byte varints become 8-byte numbers, and short
    /// parameters grow about 12-fold; a hostile run of empty submessages would grow 50-fold.
    static let unpackingGrowth = 12
    /// Memory that one message may take at most: typed contents past this belong into raw contents.
    static let unpackingCeiling = 64 * 1024 * 1024
    /// Levels of a JSON document. A tensor of rank 16 lies 3 deeper.
    public static let jsonDepth = 32
    /// Raw contents up to this size are copied behind the message's head: one slice costs the
    /// transport more than copying 1 KiB does.
    static let inlineContents = 1024
}

/// A refusal of bytes that came from outside, by whose they are.
///
/// A client's mistake is `invalid` and stays one; a peer's is `corrupt`, and another node may do
/// better.
func refusal(
    _ source: Fault.Source, _ message: String, remedy: String? = nil
) -> Fault {
    source == .client
        ? Fault(.invalid, message, source: source, remedy: remedy)
        : Fault(.corrupt, message, source: source, remedy: remedy, retry: .elsewhere)
}

/// A refusal because a bound was passed.
func excess(
    _ source: Fault.Source, _ what: String, _ count: Int, _ limit: Int, remedy: String? = nil
) -> Fault {
    Fault(
        .exhausted, "\(what): \(count) came, at most \(limit) are accepted", source: source,
        remedy: remedy)
}
