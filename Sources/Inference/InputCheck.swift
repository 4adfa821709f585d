internal import Ground

/// An input that fits its model.
enum CheckedInput {
    /// A whole JPEG or PNG file.
    case image(Bytes)
    /// One for each input of the model, in the model's order.
    case tensors([Tensor])
}

extension ModelPlan {
    /// - Throws: `.invalid` of the client, saying which input, what came and what was expected.
    func check(_ input: InferenceInput) throws(Fault) -> CheckedInput {
        switch input {
        case .image(let file):
            guard signature.encodedImage != nil else {
                let inputs = signature.inputs.map(\.text).joined(separator: " and ")
                throw Fault(
                    .invalid, "an encoded image came; the model takes \(inputs)", source: .client,
                    remedy: "send the values as a raw tensor")
            }
            return .image(file)
        case .tensors(let tensors):
            if let encoded = signature.encodedImage, tensors.count == 1, tensors[0].type == .bytes {
                return .image(try encodedImage(in: tensors[0], input: encoded))
            }
            return .tensors(
                try matchInputs(tensors, with: signature.inputs).map { tensors[$0] })
        }
    }
}

/// Checks a client's tensors against what a model takes.
///
/// - Returns: for each of `inputs`, the position of its tensor in `tensors`.
/// - Throws: `.invalid` of the client, saying which input, what came and what was expected.
func matchInputs(
    _ tensors: [Tensor], with inputs: [TensorSpecification]
) throws(Fault) -> [Int] {
    for tensor in tensors where !inputs.contains(where: { $0.name == tensor.name }) {
        throw wrongInput(
            tensor.name, came: "no such input is known",
            expected: inputs.map(\.text).joined(separator: " and "))
    }
    var order: [Int] = []
    for input in inputs {
        let matches = tensors.indices.filter { tensors[$0].name == input.name }
        guard matches.count == 1 else {
            throw wrongInput(
                input.name, came: "\(matches.count) tensors came", expected: "one, \(input.text)")
        }
        try check(tensors[matches[0]], input)
        order.append(matches[0])
    }
    return order
}

private func check(_ tensor: Tensor, _ input: TensorSpecification) throws(Fault) {
    guard tensor.type == input.type else {
        throw wrongInput(
            input.name, came: "datatype \(tensor.type.rawValue) came",
            expected: input.type.rawValue)
    }
    guard input.admits(shape: tensor.shape) else {
        throw wrongInput(
            input.name, came: "shape \(tensor.shape) came", expected: "\(input.shape)")
    }
    let count = elementCount(tensor.shape)
    let size = count.flatMap { count in
        input.type.size.map { count.multipliedReportingOverflow(by: $0) }
    }
    guard let size, !size.overflow, size.partialValue == tensor.bytes.count else {
        throw wrongInput(
            input.name, came: "\(tensor.bytes.count) bytes came",
            expected: "\(size?.partialValue ?? 0) for \(input.type.rawValue) \(tensor.shape)")
    }
}

/// The file in a BYTES tensor of one element: its length in four little-endian bytes, then itself.
func encodedImage(in tensor: Tensor, input: TensorSpecification) throws(Fault) -> Bytes {
    guard elementCount(tensor.shape) == 1 else {
        throw wrongInput(
            tensor.name, came: "shape \(tensor.shape) came", expected: "one element, [1]")
    }
    guard tensor.name == input.name else {
        throw wrongInput(tensor.name, came: "no such input is known", expected: input.text)
    }
    let prefix = 4
    let stated = tensor.bytes.withUnsafeBytes { bytes in
        bytes.count < prefix ? nil : Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
    }
    guard let stated, stated == tensor.bytes.count - prefix else {
        throw wrongInput(
            tensor.name, came: "\(tensor.bytes.count) bytes came",
            expected:
                "a length in four bytes and \(stated.map { "\($0)" } ?? "as many") bytes after it")
    }
    return tensor.bytes[prefix..<tensor.bytes.count]
}

private func wrongInput(_ name: String, came: String, expected: String) -> Fault {
    Fault(
        .invalid, "input \"\(name)\": \(came), \(expected) was expected", source: .client,
        remedy: "ask the model's metadata for its inputs")
}

extension TensorSpecification {
    /// Name, type and shape for a fault's text.
    var text: String { "\"\(name)\" \(type.rawValue) \(shape)" }
}
