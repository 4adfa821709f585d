internal import Ground

/// What one call has yet to say: messages with their gRPC prefixes, in order, and whether more will
/// follow.
struct Outbox {
    private enum Piece {
        case prefix(UInt32)
        case bytes(Bytes)
    }
    private var pieces: [Piece] = []
    private var first = 0
    /// Bytes of the first piece that are gone already.
    private var gone = 0
    /// Bytes that wait.
    private(set) var count = 0
    /// Nothing follows what waits.
    var isEnded = false

    mutating func append(message: [Bytes]) {
        var length = 0
        for bytes in message { length += bytes.count }
        pieces.reserveCapacity(pieces.count + message.count + 1)
        pieces.append(.prefix(UInt32(clamping: length)))
        count += 5
        append(body: message)
    }

    mutating func append(body: [Bytes]) {
        for bytes in body where bytes.count > 0 {
            pieces.append(.bytes(bytes))
            count += bytes.count
        }
    }

    /// Moves the next `amount` bytes, at most `count`, into `cork`.
    mutating func emit(_ amount: Int, into cork: Cork) {
        var left = min(amount, count)
        count -= left
        while left > 0 {
            let size: Int
            let step: Int
            switch pieces[first] {
            case .prefix(let length):
                size = 5
                step = min(left, size - gone)
                Self.emit(prefix: length, gone..<gone + step, into: cork)
            case .bytes(let bytes):
                size = bytes.count
                step = min(left, size - gone)
                cork.append(bytes[gone..<gone + step])
            }
            left -= step
            gone += step
            if gone == size {
                gone = 0
                first += 1
            }
        }
        // Sent slices are let go at once, so that their bytes return to the budget.
        if first == pieces.count {
            pieces.removeAll(keepingCapacity: pieces.capacity <= 64)
            first = 0
        } else if first >= 64 {
            pieces.removeFirst(first)
            first = 0
        }
    }

    /// Forgets what waits.
    mutating func clear() {
        // The memory is kept for the next call, unless a slow client has made it large.
        if !pieces.isEmpty { pieces.removeAll(keepingCapacity: pieces.capacity <= 64) }
        (first, gone, count) = (0, 0, 0)
    }

    private static func emit(prefix length: UInt32, _ range: Range<Int>, into cork: Cork) {
        var bytes: (UInt8, UInt8, UInt8, UInt8, UInt8) = (
            0, UInt8(truncatingIfNeeded: length >> 24), UInt8(truncatingIfNeeded: length >> 16),
            UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length)
        )
        withUnsafeBytes(of: &bytes) {
            cork.append(copying: UnsafeRawBufferPointer(rebasing: $0[range]))
        }
    }
}
