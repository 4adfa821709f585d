import FuzzSupport
import Ground
import HTTP

/// What the first two bytes of an input say about the rest.
struct Steering {
    enum Answer: UInt8 {
        /// What the client sent, when it has sent all.
        case echo
        /// At once, before anything came.
        case early
        /// A refusal, at the first message.
        case fault
        /// When all input was fed.
        case late
    }

    let answer: Answer
    /// The server may hold 4 KiB of requests, and every other bound is small too.
    let isTight: Bool
    let isStalling: Bool
    /// A second passes after each piece.
    let isSlow: Bool
    /// The server drains when half of the pieces were fed.
    let drains: Bool
    /// The client resets the connection at the end.
    let endsWithFault: Bool
    private let chunking: UInt8
    private var random: Randomness

    init(_ input: inout Input) {
        chunking = input.next()
        random = Randomness(seed: UInt64(chunking))
        let bits = input.next()
        answer = Answer(rawValue: bits & 3) ?? .echo
        isTight = bits & 4 != 0
        isStalling = bits & 8 != 0
        isSlow = bits & 16 != 0
        drains = bits & 32 != 0
        endsWithFault = bits & 64 != 0
    }

    /// Length of the next piece: all at once, always the same, or up to 64 bytes at random.
    mutating func pieceLength() -> Int {
        switch chunking {
        case 0: .max
        case 1..<128: Int(chunking)
        default: Int(random.next() % 64) + 1
        }
    }

    var budget: ByteBudget { ByteBudget(limit: isTight ? 4 << 10 : 1 << 20) }

    var limits: HTTPLimits {
        var limits = HTTPLimits()
        // Bounds that inputs of some KiB can reach.
        limits.message = isTight ? 1 << 10 : 256 << 10
        guard isTight else { return limits }
        limits.headers = 256
        limits.target = 64
        limits.streams = 2
        limits.streamWindow = 1 << 10
        limits.unsent = 512
        limits.unread = 512
        limits.pipelined = 256
        limits.controlFrames = 10
        limits.resetBurst = 4
        limits.resetRate = 1
        limits.continuations = 2
        return limits
    }
}
