/// What a store did with a batch.
public struct Ingested: Equatable, Sendable {
    /// All sequences of the origin up to it are held: the sender may forget them.
    public var watermark: UInt64
    /// Records that were new.
    public var taken = 0
    /// Records that were held already; nothing came of them.
    public var duplicates = 0
    /// Sequences that new gaps stand for.
    public var lost = 0
}
