internal import Ground

/// How a bundle's parts and a model's inputs and outputs fit together, found out once at load.
struct ModelPlan: Sendable {
    let signature: ModelSignature
    /// What the model itself says of its inputs and outputs.
    let ports: (inputs: [TensorSpecification], outputs: [TensorSpecification])
    /// The input that the preprocessing prepares.
    let input: Int
    /// The output that holds the classes, and what makes an answer of it; `nil` for a raw model.
    let classification: (output: Int, classifier: Classifier)?

    /// The outputs that the model itself gives, in its order.
    var modelOutputs: ArraySlice<TensorSpecification> {
        signature.outputs.dropLast(classification == nil ? 0 : 2)
    }

    /// The outputs that a classification adds to the model's own.
    static let probabilities = "probabilities"
    static let labels = "labels"

    /// - Throws: `.corrupt`, naming what the bundle says and what the model has.
    init(
        _ source: ModelSource, inputs: [TensorSpecification], outputs: [TensorSpecification]
    ) throws(Fault) {
        ports = (inputs, outputs)
        input = try Self.find(source.preprocessing.input, in: inputs, Preprocessing.fileName)
        var inputs = inputs
        inputs[input].shape = try Self.shape(source.preprocessing, inputs[input])
        inputs[input].name = source.preprocessing.input
        let encoded: TensorSpecification? =
            if case .image(let image) = source.preprocessing {
                TensorSpecification(name: image.input, type: .bytes, shape: [1])
            } else { nil }
        classification = try Self.classification(source, outputs)
        var given = outputs
        if let classifier = classification?.classifier {
            let shape = [classifier.listed]
            given += [
                TensorSpecification(name: Self.probabilities, type: .fp32, shape: shape),
                TensorSpecification(name: Self.labels, type: .bytes, shape: shape),
            ]
        }
        if encoded != nil, inputs.count != 1 {
            throw Self.misfit("an image alone", "a model of \(inputs.count) inputs")
        }
        signature = ModelSignature(inputs: inputs, encodedImage: encoded, outputs: given)
    }

    /// The port of this name. Where a model has but one, the bundle may call it what it likes: the
    /// names inside an exported network are rarely anybody's choice.
    private static func find(
        _ name: String, in ports: [TensorSpecification], _ file: String
    ) throws(Fault) -> Int {
        if ports.count == 1 { return 0 }
        guard let index = ports.firstIndex(where: { $0.name == name }) else {
            let known = ports.map { "\"\($0.name)\"" }.joined(separator: ", ")
            throw misfit("\(file) names \"\(name)\"", "the model has \(known)")
        }
        return index
    }

    /// The shape of the prepared input: the bundle's where it is fixed, which the model must take.
    private static func shape(
        _ preprocessing: Preprocessing, _ port: TensorSpecification
    ) throws(Fault) -> [Int] {
        let type: Datatype
        let shape: [Int]
        switch preprocessing {
        case .tensor(let tensor):
            type = tensor.type
            shape = tensor.shape
        case .image(let image):
            type = image.type
            if let size = image.fixedSize {
                shape = image.shape(width: size.width, height: size.height)
            } else {
                let free = image.shape(width: -1, height: -1)
                guard port.shape.count == free.count, port.isStatic else {
                    throw misfit("steps that fix no size", "the model's shape \(port.shape)")
                }
                shape = zip(free, port.shape).map { $0 < 0 ? $1 : $0 }
            }
        }
        guard type == port.type, port.admits(shape: shape) else {
            throw misfit(
                "\(Preprocessing.fileName) makes \(type.rawValue) \(shape)",
                "the model's input is \(port.text)")
        }
        return shape
    }

    private static func classification(
        _ source: ModelSource, _ outputs: [TensorSpecification]
    ) throws(Fault) -> (output: Int, classifier: Classifier)? {
        guard case .classification(let rule) = source.postprocessing else { return nil }
        let index = try find(rule.output, in: outputs, Postprocessing.fileName)
        let port = outputs[index]
        // An axis of any length is the batch, which is 1 here.
        let count = elementCount(port.shape.map { $0 < 0 ? 1 : $0 })
        guard port.type == .fp32, count == source.labels.count else {
            throw misfit(
                "labels.txt has \(source.labels.count) lines", "the output is \(port.text)")
        }
        for added in [probabilities, labels] where outputs.contains(where: { $0.name == added }) {
            throw misfit(
                "a classification adds an output \"\(added)\"", "the model has one already")
        }
        let classifier = Classifier(
            activation: rule.activation, top: rule.top,
            temperature: source.calibration?.temperature ?? 1, labels: source.labels)
        return (index, classifier)
    }

    private static func misfit(_ bundle: String, _ model: String) -> Fault {
        Fault(
            .corrupt, "the bundle does not fit together: \(bundle), but \(model)",
            remedy: "mend the source folder and pack the bundle again")
    }
}
