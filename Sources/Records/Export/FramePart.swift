public import Ground

/// One file of a training sample: an input of the frame's request.
public struct FramePart: Equatable, Sendable {
    /// The input's name, as the model calls it.
    public var name: String
    /// `jpg` or `png` for a picture, `bin` for a tensor's bytes.
    public var suffix: String
    /// What a tensor's bytes mean; empty for a picture.
    public var about: [String: JSON]
    public var bytes: [UInt8]

    public init(name: String, suffix: String, about: [String: JSON] = [:], bytes: [UInt8]) {
        self.name = name
        self.suffix = suffix
        self.about = about
        self.bytes = bytes
    }
}

/// Takes a kept request apart. What cannot be taken apart is left out of a data set and counted.
public typealias FrameReader = (_ request: [UInt8]) throws(Fault) -> [FramePart]
