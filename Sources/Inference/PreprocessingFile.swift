package import Ground

// Reads preprocessing.json. Unknown keys, operations and values are faults: a step that is skipped
// in silence gives wrong answers with high confidence.
extension Preprocessing {
    static let fileName = "preprocessing.json"
    /// Steps that a file may have; real ones have one to three.
    private static let stepLimit = 16
    /// Sides that a step may ask for: far above any model's input, far below what overflows.
    static let sideLimit = 8192
    /// Axes of a tensor; the protocol and the models stay below.
    private static let axisLimit = 8

    private enum Kind: String, CaseIterable { case image, tensor }

    package init(file bytes: [UInt8]) throws(Fault) {
        var members = try JSONMembers(file: Self.fileName, bytes: bytes)
        switch try members.choice("kind", of: Kind.self) {
        case .image: self = .image(try Self.image(&members))
        case .tensor: self = .tensor(try Self.tensor(&members))
        }
        try members.end()
    }

    private static func image(_ members: inout JSONMembers) throws(Fault) -> ImagePreprocessing {
        let color = try members.choice("color", of: ImagePreprocessing.Color.self)
        let type = try type(&members, among: [.fp32, .uint8])
        var mean: [Float] = []
        var scale: [Float] = []
        if type == .fp32 {
            mean = try optionalFactors("mean", &members, counts: [color.channels])
            scale = try optionalFactors("scale", &members, counts: [color.channels])
        }
        return ImagePreprocessing(
            input: try members.string("input"), color: color, steps: try steps(&members),
            layout: try members.choice("layout", of: ImagePreprocessing.Layout.self), type: type,
            mean: mean.isEmpty ? Array(repeating: 0, count: color.channels) : mean,
            scale: scale.isEmpty ? Array(repeating: 1, count: color.channels) : scale)
    }

    private static func tensor(_ members: inout JSONMembers) throws(Fault) -> TensorPreprocessing {
        let type = try type(&members, among: Datatype.allCases.filter { $0 != .bytes })
        let shape = try members.integers("shape", in: 1...Int(Int32.max))
        guard shape.count <= axisLimit, elementCount(shape) != nil else {
            throw JSONMembers.fault(
                members.place, "shape \(shape)", "at most \(axisLimit) axes and 2⁶³ elements")
        }
        var result = TensorPreprocessing(
            input: try members.string("input"), type: type, shape: shape, mean: [], scale: [])
        if type == .fp32 {
            let counts = [1, result.channels]
            result.mean = try optionalFactors("mean", &members, counts: counts)
            result.scale = try optionalFactors("scale", &members, counts: counts)
        }
        return result
    }

    private static func type(
        _ members: inout JSONMembers, among allowed: [Datatype]
    ) throws(Fault) -> Datatype {
        let type = try members.choice("type", of: Datatype.self)
        guard allowed.contains(type) else {
            throw JSONMembers.fault(
                "\(members.place) \"type\"", type.rawValue,
                "one of \(allowed.map(\.rawValue).joined(separator: ", "))")
        }
        return type
    }

    private static func optionalFactors(
        _ name: String, _ members: inout JSONMembers, counts: [Int]
    ) throws(Fault) -> [Float] {
        guard members.has(name) else { return [] }
        let numbers = try members.numbers(name).map { Float($0) }
        guard counts.contains(numbers.count), numbers.allSatisfy(\.isFinite) else {
            throw JSONMembers.fault(
                "\(members.place) \"\(name)\"", "\(numbers.count) numbers",
                counts.map { "\($0)" }.joined(separator: " or ") + " finite ones")
        }
        return numbers
    }

    private static func steps(
        _ members: inout JSONMembers
    ) throws(Fault) -> [ImagePreprocessing.Step] {
        let values = try members.array("steps")
        guard values.count <= stepLimit else {
            throw JSONMembers.fault(
                members.place, "\(values.count) steps", "at most \(stepLimit)")
        }
        var steps: [ImagePreprocessing.Step] = []
        for (index, value) in values.enumerated() {
            var step = try JSONMembers(value, place: "\(fileName) steps[\(index)]")
            steps.append(try Self.step(&step))
            try step.end()
        }
        return steps
    }

    private enum Operation: String, CaseIterable { case crop, resize }

    private static func step(_ step: inout JSONMembers) throws(Fault) -> ImagePreprocessing.Step {
        let sides = 1...sideLimit
        switch try step.choice("op", of: Operation.self) {
        case .crop:
            if step.has("fraction") {
                return .cropFraction(
                    try step.number("fraction", "a number above 0, at most 1") { $0 > 0 && $0 <= 1 }
                )
            }
            return .crop(
                width: try step.integer("width", in: sides),
                height: try step.integer("height", in: sides))
        case .resize:
            let filter = try step.choice("filter", of: ImagePreprocessing.Filter.self)
            if step.has("shortest") {
                return .resizeShortest(try step.integer("shortest", in: sides), filter: filter)
            }
            return .resize(
                width: try step.integer("width", in: sides),
                height: try step.integer("height", in: sides), filter: filter)
        }
    }
}
