import Ground
import Spool

/// A record as a simulated node writes it down: what the world must know of it again, and zeros up
/// to the size that the real one has.
struct OwedItem {
    /// Bytes of a record by queue, beside a frame's own: what a real node's records of the digits
    /// have, and a sketch of ten minutes.
    static func bytes(of queue: SpoolQueue) -> Int {
        switch queue {
        case .escalation: 500
        case .result: 260
        case .telemetry: 2_000
        case .alert: 300
        case .audit: 200
        }
    }

    /// The frame; or which one it is of alerts, sketches and audit entries.
    var serial: UInt64
    var clock: UInt64
    /// Index of the frame's load in the scenario.
    var load: Int32

    private static let words = 3

    /// The record's bytes, `length` of them where that is more than it needs.
    func bytes(_ length: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(length, 8 * Self.words))
        for (place, word) in [serial, clock, UInt64(UInt32(bitPattern: load))].enumerated() {
            for byte in 0..<8 {
                bytes[8 * place + byte] = UInt8(truncatingIfNeeded: word >> (8 * byte))
            }
        }
        return bytes
    }

    init(serial: UInt64, clock: UInt64, load: Int32) {
        self.serial = serial
        self.clock = clock
        self.load = load
    }

    /// As it was written; `nil` when it is none.
    init?(_ bytes: Bytes) {
        guard bytes.count >= 8 * Self.words else { return nil }
        var words: [UInt64] = []
        bytes.withUnsafeBytes { raw in
            for place in 0..<Self.words {
                let word = raw.loadUnaligned(fromByteOffset: 8 * place, as: UInt64.self)
                words.append(UInt64(littleEndian: word))
            }
        }
        (serial, clock) = (words[0], words[1])
        load = Int32(bitPattern: UInt32(truncatingIfNeeded: words[2]))
    }
}

/// A batch on its way up: what stands under its numbers.
struct OwedParcel {
    enum Content {
        case item(OwedItem)
        case gap(through: UInt64)
    }

    let queue: SpoolQueue
    let first: UInt64
    let last: UInt64
    var contents: [(sequence: UInt64, content: Content)]
    /// Bytes before compression.
    var bytes = 0

    /// `nil` when there is nothing to send.
    init?(_ entries: [SpoolEntry], of queue: SpoolQueue) {
        guard let last = entries.last?.last else { return nil }
        self.queue = queue
        self.last = last
        contents = []
        for entry in entries {
            switch entry {
            case .record(let sequence, let record):
                guard let item = OwedItem(record) else { continue }
                contents.append((sequence, .item(item)))
                bytes += record.count
            case .gap(let gap):
                contents.append((gap.from, .gap(through: gap.through)))
                bytes += 40
            }
        }
        first = contents.first?.sequence ?? last
    }
}
