public import Ground

/// What an input takes or an output gives.
public struct TensorSpecification: Sendable, Equatable {
    public var name: String
    public var type: Datatype
    /// Elements along each axis; −1 where any number will do.
    public var shape: [Int]

    public init(name: String, type: Datatype, shape: [Int]) {
        self.name = name
        self.type = type
        self.shape = shape
    }

    /// Whether `shape`, every length of it known, is one that this specification allows.
    public func admits(shape other: [Int]) -> Bool {
        shape.count == other.count
            && zip(shape, other).allSatisfy { $0 < 0 ? $1 > 0 : $0 == $1 }
    }

    /// Whether every axis has its length stated.
    public var isStatic: Bool { shape.allSatisfy { $0 >= 0 } }
}

/// A tensor's name, element type and shape, and its elements in row-major, little-endian order.
public struct Tensor: Sendable {
    public var name: String
    public var type: Datatype
    public var shape: [Int]
    public var bytes: Bytes

    public init(name: String, type: Datatype, shape: [Int], bytes: Bytes) {
        self.name = name
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }
}

/// What a loaded model takes and gives: what a model metadata request answers.
public struct ModelSignature: Sendable, Equatable {
    /// The model's own inputs, each of which a request may give as a raw tensor.
    public var inputs: [TensorSpecification]
    /// The other form of the input: one BYTES element with a whole JPEG or PNG file. `nil` where
    /// the model takes none.
    public var encodedImage: TensorSpecification?
    /// The model's outputs; a classification also gives `probabilities` and `labels`, surest first.
    public var outputs: [TensorSpecification]

    public init(
        inputs: [TensorSpecification], encodedImage: TensorSpecification?,
        outputs: [TensorSpecification]
    ) {
        self.inputs = inputs
        self.encodedImage = encodedImage
        self.outputs = outputs
    }
}

/// Elements in `shape`, or `nil` when there is a negative length or the product overflows.
func elementCount(_ shape: [Int]) -> Int? {
    var product = 1
    for length in shape {
        guard length >= 0 else { return nil }
        let (next, over) = product.multipliedReportingOverflow(by: length)
        if over { return nil }
        product = next
    }
    return product
}
