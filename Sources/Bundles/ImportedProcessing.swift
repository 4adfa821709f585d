import Ground

/// How an imported model's input is made: a file, or one of the two usual forms.
public enum ImportedPreprocessing: Sendable {
    /// Path of a preprocessing.json.
    case file(String)
    /// A picture: its centred square, resized, channels first or last.
    case image(ImageInput)
    /// Numbers as they come: FP32 of this shape under this input's name.
    case tensor(input: String, shape: [Int])

    public struct ImageInput: Sendable {
        public enum Color: String, Sendable, CaseIterable { case rgb, bgr, gray }
        public enum Layout: String, Sendable, CaseIterable {
            case channelsFirst = "NCHW"
            case channelsLast = "NHWC"
        }

        public var width: Int
        public var height: Int
        public var color = Color.rgb
        public var layout = Layout.channelsFirst
        /// One value a channel, in levels from 0 to 255; value = (level − mean) × scale.
        public var mean: [Double]
        public var scale: [Double]
        /// `true` feeds levels as they are, 8 bits each, without mean and scale.
        public var isUInt8 = false

        /// Levels scaled to 0 … 1, unless changed.
        public init(width: Int, height: Int, color: Color = .rgb) {
            self.width = width
            self.height = height
            self.color = color
            let channels = color == .gray ? 1 : 3
            mean = Array(repeating: 0, count: channels)
            scale = Array(repeating: 1.0 / 255, count: channels)
        }
    }

    func text(on disk: any ContentDisk) throws(Fault) -> [UInt8] {
        switch self {
        case .file(let path): return try ImportedFile.read(path, on: disk)
        case .image(let image): return try Self.text(image)
        case .tensor(let input, let shape):
            guard !shape.isEmpty, shape.allSatisfy({ $0 > 0 }) else {
                throw Fault(.invalid, "the shape \(shape) is not made of whole numbers above 0")
            }
            return JSON.object([
                "version": .integer(1), "input": .string(input), "kind": .string("tensor"),
                "type": .string("FP32"), "shape": .array(shape.map { .integer($0) }),
            ]).canonical
        }
    }

    private static func text(_ image: ImageInput) throws(Fault) -> [UInt8] {
        guard image.width > 0, image.height > 0 else {
            throw Fault(.invalid, "the picture is \(image.width) × \(image.height), not above 0")
        }
        let channels = image.color == .gray ? 1 : 3
        var members: [String: JSON] = [
            "version": .integer(1), "input": .string("image"), "kind": .string("image"),
            "color": .string(image.color.rawValue), "layout": .string(image.layout.rawValue),
            "type": .string(image.isUInt8 ? "UINT8" : "FP32"),
            "steps": .array([
                .object(["op": .string("crop"), "fraction": .integer(1)]),
                .object([
                    "op": .string("resize"), "width": .integer(image.width),
                    "height": .integer(image.height), "filter": .string("bilinear"),
                ]),
            ]),
        ]
        if !image.isUInt8 {
            for (name, values) in [("mean", image.mean), ("scale", image.scale)] {
                guard values.count == channels, values.allSatisfy(\.isFinite) else {
                    throw Fault(
                        .invalid,
                        "\(name) has \(values.count) values, expected \(channels) finite "
                            + "ones, one a channel")
                }
                members[name] = .array(values.map { .real($0) })
            }
        }
        return JSON.object(members).canonical
    }
}

/// What an imported model's output means.
public enum ImportedPostprocessing: Sendable {
    /// Path of a postprocessing.json.
    case file(String)
    /// One score a class under this output's name; `softmax` when the model gives logits.
    case classification(output: String, softmax: Bool, top: Int)
    /// Tensors as they are; such an answer has no confidence and is always accepted.
    case raw

    func text(on disk: any ContentDisk) throws(Fault) -> [UInt8] {
        switch self {
        case .file(let path): return try ImportedFile.read(path, on: disk)
        case .raw:
            return JSON.object(["version": .integer(1), "kind": .string("raw")]).canonical
        case .classification(let output, let softmax, let top):
            guard top > 0 else { throw Fault(.invalid, "the \(top) best classes were asked for") }
            return JSON.object([
                "version": .integer(1), "kind": .string("classification"),
                "output": .string(output), "activation": .string(softmax ? "softmax" : "none"),
                "top": .integer(top),
            ]).canonical
        }
    }
}

/// A JSON file that goes into a bundle as it is.
private enum ImportedFile {
    static func read(_ path: String, on disk: any ContentDisk) throws(Fault) -> [UInt8] {
        let bytes = try disk.read(path, limit: BundleFormat.smallFileLimit)
        _ = try JSON(parsing: bytes, place: path)
        return bytes
    }
}
