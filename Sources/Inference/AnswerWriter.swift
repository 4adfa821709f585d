internal import Ground

/// What a model gave.
protocol ModelOutputs {
    /// Gives output `index` of the last inference to `body`: its shape and its elements.
    func output<R>(
        _ index: Int, _ body: ([Int], UnsafeRawBufferPointer) throws(Fault) -> R
    ) throws(Fault) -> R
}

/// Copies a model's outputs into slabs and makes the answer of them.
struct AnswerWriter: Sendable {
    let plan: ModelPlan
    /// Where the slab comes from; the heap when `nil`.
    let allocator: (any SlabAllocator)?

    func answer(_ given: some ModelOutputs) throws(Fault) -> InferenceResult {
        var values: [Float] = []
        var outputs: [Tensor] = []
        for (index, specification) in plan.modelOutputs.enumerated() {
            try given.output(index) { shape, bytes throws(Fault) in
                if index == plan.classification?.output { values = floats(bytes) }
                outputs.append(
                    Tensor(
                        name: specification.name, type: specification.type, shape: shape,
                        bytes: try copy(bytes)))
            }
        }
        guard let (_, classifier) = plan.classification else {
            return InferenceResult(outputs: outputs, classes: [], scores: nil)
        }
        guard values.count == classifier.labels.count else {
            throw Fault(
                .corrupt,
                "the model gave \(values.count) classes; "
                    + "the bundle has \(classifier.labels.count) labels",
                remedy: "mend labels.txt and pack the bundle again")
        }
        let (scores, classes) = classifier.classify(values)
        outputs += [try probabilities(classes), try labels(classes)]
        return InferenceResult(outputs: outputs, classes: classes, scores: scores)
    }

    private func probabilities(_ classes: [ClassScore]) throws(Fault) -> Tensor {
        let bytes = try memory(classes.count * 4) { target in
            for (index, entry) in classes.enumerated() {
                target.storeBytes(
                    of: Float(entry.probability), toByteOffset: 4 * index, as: Float.self)
            }
        }
        return Tensor(
            name: ModelPlan.probabilities, type: .fp32, shape: [classes.count], bytes: bytes)
    }

    private func labels(_ classes: [ClassScore]) throws(Fault) -> Tensor {
        var encoded: [UInt8] = []
        for entry in classes {
            let text = Array(entry.label.utf8)
            withUnsafeBytes(of: UInt32(text.count).littleEndian) { encoded.append(contentsOf: $0) }
            encoded.append(contentsOf: text)
        }
        let bytes = try memory(encoded.count) { $0.copyBytes(from: encoded) }
        return Tensor(name: ModelPlan.labels, type: .bytes, shape: [classes.count], bytes: bytes)
    }

    private func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
        let count = bytes.count / MemoryLayout<Float>.size
        return [Float](unsafeUninitializedCapacity: count) { floats, initialized in
            UnsafeMutableRawBufferPointer(floats).copyBytes(
                from: bytes.prefix(count * MemoryLayout<Float>.size))
            initialized = count
        }
    }

    private func copy(_ bytes: UnsafeRawBufferPointer) throws(Fault) -> Bytes {
        try memory(bytes.count) { $0.copyMemory(from: bytes) }
    }

    /// A slab of its own, filled by `fill`.
    private func memory(
        _ count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(Fault) -> Bytes {
        let slab = allocator.map { $0.allocate(capacity: count) } ?? Slab(capacity: count)
        guard let slab else {
            throw Fault(
                .exhausted, "no \(count) bytes are left for an answer",
                retry: .after(AnswerWriter.retry))
        }
        fill(UnsafeMutableRawBufferPointer(start: slab.base, count: count))
        return Bytes(slab: slab, start: 0, count: count)
    }

    /// Answers leave within a service time or two: a tenth of a second is several.
    private static let retry = Interval.milliseconds(100)
}
