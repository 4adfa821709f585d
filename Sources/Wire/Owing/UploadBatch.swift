internal import CProtobufC
internal import CWire
public import Ground

/// A canopy.v1 UploadBatch: a run of one queue's records, compressed.
public struct UploadBatch: WireMessage {
    public var origin: Origin
    public var first: UInt64
    public var last: UInt64
    /// SHA-256 of the OwedBlock before it was compressed; 32 bytes.
    public var sha256: [UInt8]
    /// Its length in bytes.
    public var size: Int
    public var block: Bytes

    public init(
        origin: Origin, first: UInt64, last: UInt64, sha256: [UInt8], size: Int, block: Bytes
    ) {
        self.origin = origin
        self.first = first
        self.last = last
        self.sha256 = sha256
        self.size = size
        self.block = block
    }

    /// - Throws: `corrupt` also when the origin or the hash is missing, or the range is empty.
    public static func decode(_ bytes: Bytes) throws(Fault) -> UploadBatch {
        try unpacking(
            bytes, "canopy.v1.UploadBatch", from: .peer, with: canopy__v1__upload_batch__unpack
        ) { (c) throws(Fault) in
            let batch = UploadBatch(
                origin: try Origin(c.origin, of: "UploadBatch"), first: c.first, last: c.last,
                sha256: c.sha256.array, size: Int(clamping: c.size), block: c.block_zstd.copied)
            guard batch.first > 0, batch.first <= batch.last else {
                throw refusal(
                    .peer, "an upload of records \(batch.first) to \(batch.last), which are none")
            }
            guard batch.sha256.count == 32 else {
                throw refusal(.peer, "a SHA-256 of \(batch.sha256.count) bytes, expected 32")
            }
            return batch
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__upload_batch__init)
            c.pointee.origin = origin.packed(arena)
            c.pointee.first = first
            c.pointee.last = last
            c.pointee.sha256 = arena.data(sha256)
            c.pointee.size = UInt64(clamping: size)
            c.pointee.block_zstd = arena.data(block)
            return c
        }
    }
}

/// What became of a frame that was owed.
public struct Settlement: Sendable {
    public enum Outcome: Sendable {
        /// A serialized ModelInferResponse.
        case response(Bytes)
        /// Why there will be no answer.
        case error(String)
    }

    public var sequence: UInt64
    public var outcome: Outcome

    public init(sequence: UInt64, outcome: Outcome) {
        self.sequence = sequence
        self.outcome = outcome
    }

    init(_ c: Canopy__V1__Settlement) throws(Fault) {
        sequence = c.sequence
        outcome =
            c.outcome_case == CANOPY__V1__SETTLEMENT__OUTCOME_RESPONSE
            ? .response(c.response.copied)
            : .error(
                c.outcome_case == CANOPY__V1__SETTLEMENT__OUTCOME_ERROR
                    ? try text(c.error, "error", .peer) : "")
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__Settlement>? {
        let c = arena.make(canopy__v1__settlement__init)
        c.pointee.sequence = sequence
        switch outcome {
        case .response(let bytes):
            c.pointee.outcome_case = CANOPY__V1__SETTLEMENT__OUTCOME_RESPONSE
            c.pointee.response = arena.data(bytes)
        case .error(let words):
            c.pointee.outcome_case = CANOPY__V1__SETTLEMENT__OUTCOME_ERROR
            c.pointee.error = arena.text(words)
        }
        return c
    }
}

/// A canopy.v1 UploadReply: how far a queue is safe, and the answers that were owed.
public struct UploadReply: WireMessage {
    public var origin: Origin
    /// All records up to it are durable or settled.
    public var watermark: UInt64
    /// One for each frame of the batch up to the watermark.
    public var settlements: [Settlement]
    /// How long to wait before the next batch; zero is not at all.
    public var retryAfter: Interval

    public init(
        origin: Origin, watermark: UInt64, settlements: [Settlement] = [],
        retryAfter: Interval = .zero
    ) {
        self.origin = origin
        self.watermark = watermark
        self.settlements = settlements
        self.retryAfter = retryAfter
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> UploadReply {
        try unpacking(
            bytes, "canopy.v1.UploadReply", from: .peer, with: canopy__v1__upload_reply__unpack
        ) { (c) throws(Fault) in
            UploadReply(
                origin: try Origin(c.origin, of: "UploadReply"), watermark: c.watermark,
                settlements: try bounded(
                    c.settlements, c.n_settlements, "settlements", Settlement.init),
                retryAfter: Interval(microseconds: c.retry_after_us))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__upload_reply__init)
            c.pointee.origin = origin.packed(arena)
            c.pointee.watermark = watermark
            c.pointee.n_settlements = settlements.count
            c.pointee.settlements = arena.array(settlements) { $0.packed(arena) }
            c.pointee.retry_after_us = retryAfter.microseconds
            return c
        }
    }
}

extension ProtobufCBinaryData {
    /// A copy, which outlives the message.
    var copied: Bytes {
        len == 0 ? .nothing : Bytes(copying: UnsafeRawBufferPointer(start: data, count: len))
    }

    var array: [UInt8] {
        len == 0 ? [] : Array(UnsafeBufferPointer(start: data, count: len))
    }
}

extension Arena {
    func data(_ bytes: Bytes) -> ProtobufCBinaryData { bytes.withUnsafeBytes { data($0) } }

    func data(_ bytes: [UInt8]) -> ProtobufCBinaryData { bytes.withUnsafeBytes { data($0) } }
}
