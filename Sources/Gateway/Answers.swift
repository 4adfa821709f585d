import Ground
import Inference
import Routing
import Wire

/// Makes the protocol's answers out of what a model or a peer said.
enum Answers {
    /// As many as are set here and by a stream.
    private static let mostParameters = 10

    /// The answer of this node's model.
    static func local(_ frame: Frame, task: TaskRuntime, node: NodeNames) -> InferResponse {
        var response = InferResponse(
            model: task.name, id: frame.request.id, outputs: [])
        response.parameters.reserve(mostParameters)
        guard let outcome = frame.outcome else {
            // An identity task answers with its inputs; nothing is copied.
            response.outputs = frame.request.inputs
            response.parameters["canopy.tier"] = .string(node.tier)
            response.parameters["canopy.node"] = .string(node.name)
            return response
        }
        response.outputs = outputs(outcome)
        response.parameters["canopy.tier"] = .string(node.tier)
        response.parameters["canopy.node"] = .string(node.name)
        guard let model = frame.model else { return response }
        response.parameters["canopy.bundle"] = .string(model.bundle)
        if let scores = outcome.scores {
            response.parameters["canopy.confidence"] = .double(model.confidence(of: scores))
        }
        return response
    }

    /// The answer of a peer, under this node's name for the task and the caller's id.
    static func upstream(_ frame: Frame, task: TaskRuntime, peer: PeerRuntime) -> InferResponse {
        var response = frame.upstream ?? InferResponse(model: task.name, outputs: [])
        response.model = task.name
        response.id = frame.request.id
        if response.parameters["canopy.tier"] == nil {
            // A foreign server: it does not know our parameters, so we say who it is.
            response.parameters["canopy.tier"] = .string(peer.tier)
            response.parameters["canopy.node"] = .string(peer.name)
        }
        response.parameters["triton_final_response"] = nil
        response.parameters["canopy.load"] = nil
        return response
    }

    /// What the task says where nobody has an answer: its safe label, of which nobody is sure.
    static func safe(_ frame: Frame, task: TaskRuntime, node: NodeNames) -> InferResponse {
        var response = InferResponse(
            model: task.name, id: frame.request.id,
            outputs: [InferTensor(name: "label", elements: [Array((task.safeAnswer ?? "").utf8)])])
        response.parameters["canopy.tier"] = .string(node.tier)
        response.parameters["canopy.node"] = .string(node.name)
        response.parameters["canopy.confidence"] = .double(0)
        return response
    }

    /// Classes, labels and probabilities, surest first; or the raw tensors of a model without
    /// classes.
    private static func outputs(_ outcome: InferenceResult) -> [InferTensor] {
        let classes = outcome.classes
        guard let (labels, probabilities) = outcome.listed else {
            return outcome.outputs.map { tensor in
                InferTensor(
                    name: tensor.name, datatype: tensor.type,
                    shape: tensor.shape, contents: tensor.bytes)
            }
        }
        let slab = Slab(capacity: classes.count * 8)
        for (index, one) in classes.enumerated() {
            slab.base.storeBytes(
                of: Int64(one.index).littleEndian, toByteOffset: index * 8, as: Int64.self)
        }
        let shape = labels.shape
        return [
            InferTensor(
                name: "label", datatype: .bytes, shape: shape, contents: labels.bytes),
            InferTensor(
                name: "class", datatype: .int64, shape: shape,
                contents: Bytes(slab: slab, start: 0, count: classes.count * 8)),
            InferTensor(
                name: "probability", datatype: .fp32, shape: shape,
                contents: probabilities.bytes),
        ]
    }

    /// Leaves the outputs that were asked for, and adds what the journey decided: whether the bar
    /// was met, why the answer is less than wanted, and this node as the first hop of the way.
    static func finish(
        _ response: inout InferResponse, _ verdict: Verdict, frame: Frame, node: NodeNames,
        now: Instant
    ) {
        let wanted = frame.request.outputs
        if !wanted.isEmpty {
            response.outputs.removeAll { output in !wanted.contains { $0.name == output.name } }
        }
        response.parameters["canopy.accepted"] = .bool(verdict.accepted)
        if let reason = verdict.degraded {
            response.parameters["canopy.degraded"] = .string(reason.rawValue)
        }
        let hop = Decimals.hop(node.name, took: now - frame.arrivedAt)
        let rest = response.parameters.string("canopy.route")
        response.parameters["canopy.route"] = .string(rest.map { "\(hop);\($0)" } ?? hop)
        if let receipt = frame.receipt {
            response.parameters["canopy.receipt"] = .string(receipt)
        }
    }
}

/// Decimal numbers as short text, without a formatter's cost on the frame path.
enum Decimals {
    /// A number with three digits behind the point; negative numbers are written as zero.
    static func three(_ value: Double) -> String {
        let thousandths = UInt64(max(value, 0) * 1_000 + 0.5)
        let fraction = thousandths % 1_000
        let zeros = fraction < 10 ? "00" : fraction < 100 ? "0" : ""
        return "\(thousandths / 1_000).\(zeros)\(fraction)"
    }

    /// One hop of a route, `leaf=1.234ms`; a negative time is written as none.
    static func hop(_ name: String, took: Interval) -> String {
        let micros = UInt64(max(took.nanoseconds, 0) + 500) / 1_000
        var whole = micros / 1_000
        var digits = 1
        while whole >= 10 { (whole, digits) = (whole / 10, digits + 1) }
        var name = name
        return name.withUTF8 { name in
            // Exactly what is needed: up to 15 bytes, as most hops have, a string holds by itself.
            String(unsafeUninitializedCapacity: name.count + digits + 7) { room in
                var end = name.count + digits + 7
                func put(_ unit: UInt8) {
                    end -= 1
                    room[end] = unit
                }
                put(UInt8(ascii: "s"))
                put(UInt8(ascii: "m"))
                var rest = micros
                for place in 0..<digits + 3 {
                    if place == 3 { put(UInt8(ascii: ".")) }
                    put(UInt8(ascii: "0") + UInt8(rest % 10))
                    rest /= 10
                }
                put(UInt8(ascii: "="))
                for index in name.indices { room[index] = name[index] }
                return room.count
            }
        }
    }
}
