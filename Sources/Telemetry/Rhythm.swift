public import Ground

/// How evenly the frames of each camera come by: the difference between a gap and the camera's mean
/// gap, and whether a frame comes after a later one.
public struct Rhythm: Sendable {
    /// Cameras that are followed at once; a loop that has more begins anew with all of them. A
    /// thousand cameras of one frame a second are more than a loop serves; 100 bytes each.
    public static let mostStreams = 1_024
    /// Gaps before a camera's mean is trusted: half a second of 30 FPS.
    static let warmUp = 16

    /// What one frame tells.
    public enum Step: Sendable, Equatable {
        /// The first of a camera, one after a gap in the numbers, or one of the first few.
        case nothing
        /// So much sooner or later than the camera's mean gap after the one before.
        case off(Interval)
        /// A later frame of the camera has come by already.
        case disorder
    }

    private struct Track {
        var sequence: Int
        var at: Instant
        var gaps = 0
        /// Nanoseconds: the mean of the first gaps, then moved by a sixteenth of each difference.
        var mean: Int64 = 0
    }

    private var tracks: [String: Track] = [:]

    public init() {}

    /// Frame `sequence` of the camera `stream` came by at `now`. Frames may be told of in another
    /// order than that in which they came by, as they are by several workers.
    public mutating func step(_ stream: String, _ sequence: Int, at now: Instant) -> Step {
        guard var track = tracks[stream] else {
            if tracks.count >= Self.mostStreams { tracks.removeAll(keepingCapacity: true) }
            tracks[stream] = Track(sequence: sequence, at: now)
            return .nothing
        }
        guard sequence > track.sequence else {
            return sequence < track.sequence && now > track.at ? .disorder : .nothing
        }
        guard now >= track.at else { return .disorder }
        let (gap, follows) = ((now - track.at).nanoseconds, sequence == track.sequence + 1)
        (track.sequence, track.at) = (sequence, now)
        defer { tracks[stream] = track }
        guard follows else { return .nothing }
        let off = gap - track.mean
        track.gaps = min(track.gaps + 1, Self.warmUp + 1)
        track.mean += off / Int64(min(track.gaps, Self.warmUp))
        return track.gaps > Self.warmUp ? .off(Interval(nanoseconds: abs(off))) : .nothing
    }
}
