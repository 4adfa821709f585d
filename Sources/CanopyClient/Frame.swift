public import Ground
public import Routing
public import Wire

/// One frame for a task, in a camera's words instead of the protocol's.
public struct Frame: Sendable {
    public var task: String
    /// The sender's name for it, which answers carry back. On a stream it must differ from those of
    /// the other frames under way.
    public var id: String
    public var inputs: [InferTensor]
    /// `nil` leaves it to the task.
    public var mode: Mode?
    public var workClass = WorkClass.realtime
    /// Confidence from which on an answer is accepted, 0…1; `nil` leaves it to the task.
    public var accept: Double?
    /// How long an answer may take: as long as a person waits. On a camera's stream it is what one
    /// node may take, from when the frame is sent there.
    public var timeout = Interval.seconds(1)
    /// Which camera or sensor it is from, and its number there.
    public var stream: String?
    public var sequence: Int?

    /// A frame of tensors.
    public init(task: String, id: String = "", inputs: [InferTensor]) {
        self.task = task
        self.id = id
        self.inputs = inputs
    }

    /// A whole JPEG or PNG file, for a task whose model prepares pictures itself.
    ///
    /// - Parameter input: the name of the task's input, as `CanopyClient.input(of:)` says it.
    public init(task: String, id: String = "", picture: [UInt8], input: String = "image") {
        self.init(
            task: task, id: id, inputs: [InferTensor(name: input, elements: [picture])])
    }

    /// The frame as the Open Inference Protocol has it.
    public var request: InferRequest {
        var request = InferRequest(model: task, id: id, inputs: inputs)
        request.parameters["timeout"] = .int64(max(1, timeout.nanoseconds / 1_000))
        request.parameters["canopy.class"] = .string(workClass.rawValue)
        if let mode { request.parameters["canopy.mode"] = .string(mode.rawValue) }
        if let accept { request.parameters["canopy.accept"] = .double(accept) }
        if let stream { request.parameters["canopy.stream"] = .string(stream) }
        if let sequence { request.parameters["canopy.sequence"] = .int64(Int64(sequence)) }
        return request
    }
}

/// What a node answered to a frame, and who gave the answer.
public struct FrameAnswer: Sendable {
    /// The frame's id.
    public let id: String
    /// The surest class's label; `nil` for a task without classes.
    public let label: String?
    /// How sure the model was, 0…1; `nil` where it gives no probabilities.
    public let confidence: Double?
    /// Whether the answer met the bar; `nil` from a server that knows no bars.
    public let isAccepted: Bool?
    /// Who gave it: the tier, the node and the id of the model's bundle. `nil` where the server
    /// does not say.
    public let tier: String?
    public let node: String?
    public let bundle: String?
    /// Why the answer is less than the task wants, such as `upstream_down`; `nil` when it is not.
    public let degraded: String?
    /// The nodes that it came through, with their times.
    public let route: String?
    /// Under which a better answer can be fetched later; `nil` when none follows.
    public let receipt: String?
    /// Whether no better answer follows on the stream. A single answer is the last.
    public let isFinal: Bool
    /// The tensors themselves.
    public let outputs: [InferTensor]

    /// Reads an answer of the protocol.
    public init(_ response: InferResponse) {
        let facts = response.parameters
        let labels = response.outputs.first { $0.name == "label" }?.elements
        id = response.id
        label = labels?.first.map { String(decoding: $0.array, as: UTF8.self) }
        confidence = facts.number("canopy.confidence")
        isAccepted = facts.bool("canopy.accepted")
        tier = facts.string("canopy.tier")
        node = facts.string("canopy.node")
        bundle = facts.string("canopy.bundle")
        degraded = facts.string("canopy.degraded")
        route = facts.string("canopy.route")
        receipt = facts.string("canopy.receipt")
        isFinal = facts.bool("triton_final_response") ?? true
        outputs = response.outputs
    }
}

extension CanopyClient {
    /// Sends one frame and waits for its answer, at most the frame's timeout.
    ///
    /// - Throws: the node's fault, or why the node cannot be reached.
    public func answer(to frame: Frame) async throws(Fault) -> FrameAnswer {
        FrameAnswer(try await infer(frame.request, timeout: frame.timeout))
    }
}

extension FrameStream {
    /// Sends one frame; see `send(_: InferRequest)`.
    public func send(_ frame: Frame) { send(frame.request) }
}
