public import Ground

/// What becomes of frames that find a lane full.
public enum DropRule: String, Sendable, CaseIterable {
    /// The oldest frame that is not under way makes room: the newest picture is worth most.
    case oldest
    /// The new frame goes: the beginning of what happened is worth most.
    case newest
    /// The new frame is refused at once, so that the camera decides.
    case reject
}

/// Why a frame was dropped.
public enum DropReason: String, Sendable, CaseIterable {
    /// The buffer was full.
    case full
    /// It waited for a node for longer than frames are kept.
    case tooOld
}

/// The bounds of one lane.
public struct LaneSettings: Sendable {
    /// Frames without their last word. 300: ten seconds of a camera at 30 frames a second.
    public var frames = 300
    /// Bytes of frames that wait or are under way. 32 MiB: those ten seconds at 100 KB a picture.
    public var bytes = 32 << 20
    /// How long a frame waits for a node. A minute: later nobody asks what was on it.
    public var age = Interval.seconds(60)
    public var rule = DropRule.oldest
    /// Frames under way that the camera has heard nothing of: two seconds of one, and half of what
    /// a node takes on a stream. Later ones wait here, where they can still be dropped.
    public var window = 64
    /// Of a backlog, frames that leave at first: few, since a node that was away finds many
    /// cameras.
    public var firstWindow = 8
    /// Frames under way in all, those among them whose first answer has come: under a node's 256.
    public var underWay = 192
    /// How often one frame is sent: one that four nodes did not answer is not worth a fifth.
    public var attempts = 4
    /// How long past its timeout a frame's answer may still be on its way before it is asked for
    /// elsewhere. A node refuses in time; 250 ms are for the way back and a busy machine.
    public var slack = Interval.milliseconds(250)
    /// How long a node that did not answer a frame is left alone with it. 500 ms: meanwhile a probe
    /// tells whether another node should be asked.
    public var pause = Interval.milliseconds(500)
    /// How long a node that had no room for a frame is left alone with it at least. 100 ms: a burst
    /// of some dozen frames is answered by then.
    public var leastPause = Interval.milliseconds(100)
    /// A frame that leaves later than this has waited. 50 ms: more than a loop is late.
    public var prompt = Interval.milliseconds(50)

    public init() {}
}
