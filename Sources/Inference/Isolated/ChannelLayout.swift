/// Where things stand in the memory that a node and one isolated engine share, in bytes. Both are
/// the same program, so there is one version of it.
///
/// First what is said once (the order, the report), then a slot for each worker, then a room for
/// each worker's answers.
enum ChannelLayout {
    // Words, each on a cache line of its own. The engine writes phase, beat and report, the node
    // the rest.
    static let phase = 0
    static let beat = 64
    static let stop = 128
    static let orderLength = 192
    static let reportLength = 256

    static let order = 4096
    /// A preprocessing file has some hundred bytes; 60 KiB hold the longest that is sensible.
    static let orderRoom = (64 << 10) - order
    static let report = 64 << 10
    /// The names and shapes of 32 tensors, or a fault's text.
    static let reportRoom = 64 << 10

    static let slots = report + reportRoom
    static let slotSize = 8 << 10
    /// Inputs or outputs of a model: more than any model for one camera has.
    static let mostTensors = 16
    /// Axes of a tensor.
    static let mostAxes = 8

    // In a slot. The node writes the request, the engine the answer.
    static let request = 0
    static let response = 64
    /// Whether it is an image, then its places.
    static let job = 128
    /// Whether it is a fault, the times of two stages, a fault's numbers, then the places.
    static let answer = 2048
    static let answerFault = answer + 24
    static let answerPlaces = answer + 64
    static let message = 4096
    /// A sentence or two; what exceeds it is cut off.
    static let messageRoom = 2048
    static let remedy = message + messageRoom
    static let remedyRoom = 2048

    /// Bytes of one answer: a map of four megapixels in FP32. Only pages that were written take
    /// memory.
    static let answerRoom = 16 << 20

    static func slot(_ worker: Int) -> Int { slots + worker * slotSize }

    static func answers(_ worker: Int, of workers: Int) -> Int {
        slot(workers) + worker * answerRoom
    }

    static func size(workers: Int) -> Int { answers(workers, of: workers) }
}

/// What the engine says of itself.
enum EnginePhase: UInt32 {
    case starting = 0
    case serving = 1
    /// It cannot serve; the report says why.
    case failed = 2
}
