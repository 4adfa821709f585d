public import Ground

/// What is done to an input before the model sees it: the value of a bundle's `preprocessing.json`.
public enum Preprocessing: Sendable, Equatable {
    case image(ImagePreprocessing)
    case tensor(TensorPreprocessing)

    /// The name of the model's input.
    public var input: String {
        switch self {
        case .image(let image): image.input
        case .tensor(let tensor): tensor.input
        }
    }
}

/// From an encoded image to a tensor: decode, steps on 8-bit pixels in order, then `(pixel − mean)
/// × scale`.
public struct ImagePreprocessing: Sendable, Equatable {
    /// The channels, in their order.
    public enum Color: String, Sendable, CaseIterable {
        case rgb, bgr, gray

        public var channels: Int { self == .gray ? 1 : 3 }
    }

    /// How a resize weighs pixels; antialiased when it makes an image smaller, `nearest` excepted.
    public enum Filter: String, Sendable, CaseIterable {
        case nearest, box, bilinear, bicubic
    }

    public enum Layout: String, Sendable, CaseIterable {
        case nchw = "NCHW"
        case nhwc = "NHWC"
    }

    /// One step on the pixels.
    public enum Step: Sendable, Equatable {
        /// The centred square whose side is this share of the shorter side.
        case cropFraction(Double)
        /// The centred rectangle of this size.
        case crop(width: Int, height: Int)
        case resize(width: Int, height: Int, filter: Filter)
        /// The shorter side becomes this long, the longer one in proportion, rounded to nearest.
        case resizeShortest(Int, filter: Filter)
    }

    public var input: String
    public var color: Color
    public var steps: [Step]
    public var layout: Layout
    /// `.fp32` or `.uint8`.
    public var type: Datatype
    /// One number per channel, in units of 0…255; zeros when the bundle gives none.
    public var mean: [Float]
    /// One factor per channel; ones when the bundle gives none.
    public var scale: [Float]

    /// The size that every image has after the steps, or `nil` when it depends on the image.
    var fixedSize: (width: Int, height: Int)? {
        switch steps.last {
        case .crop(let width, let height), .resize(let width, let height, _): (width, height)
        case .cropFraction, .resizeShortest, nil: nil
        }
    }

    /// The tensor's shape for an image of `width` × `height` pixels after the steps.
    func shape(width: Int, height: Int) -> [Int] {
        switch layout {
        case .nchw: [1, color.channels, height, width]
        case .nhwc: [1, height, width, color.channels]
        }
    }
}

/// From a client's tensor to the model's: the same type and shape, and `(value − mean) × scale`
/// where they are given.
public struct TensorPreprocessing: Sendable, Equatable {
    public var input: String
    public var type: Datatype
    /// Elements along each axis, each at least 1.
    public var shape: [Int]
    /// Nothing, one number for all, or one per element of the last axis but one (the channels).
    public var mean: [Float]
    /// Likewise.
    public var scale: [Float]

    /// Whether the values stay as they are.
    var isIdentity: Bool { mean.isEmpty && scale.isEmpty }
    /// Elements of the last axis but one; 1 when there is none.
    var channels: Int { shape.count > 1 ? shape[shape.count - 2] : 1 }
}
