internal import Ground

/// How many frames one passage may have under way. A node that was away finds many cameras with
/// many frames each: they begin with few and double as answers come, until one finds no room; then
/// they halve, and grow by one with each round of answers. A camera without a backlog has all the
/// room at once.
struct PassageRoom: Sendable {
    private(set) var frames: Int
    private let most: Int
    private var isFull = false
    /// Answers since it grew last.
    private var answers = 0
    /// When it was halved last: frames that left before say nothing new.
    private var halvedAt = Instant(nanoseconds: 0)

    /// - Parameter waiting: the camera's frames without an answer when the passage opens.
    init(_ settings: LaneSettings, waiting: Int) {
        most = settings.window
        frames = waiting > settings.firstWindow ? min(settings.firstWindow, most) : most
    }

    /// A frame was answered.
    mutating func answered() {
        answers += 1
        guard frames < most, !isFull || answers >= frames else { return }
        frames += 1
        answers = 0
    }

    /// A frame that left at `sentAt` found no room.
    mutating func refused(sentAt: Instant, now: Instant) {
        guard sentAt > halvedAt else { return }
        frames = max(frames / 2, 1)
        isFull = true
        answers = 0
        halvedAt = now
    }
}
