import Ground
import HTTP
import Inference
import Routing
import Wire

/// The short questions of the Open Inference Protocol and of grpc.health.v1.
enum Queries {
    typealias Answer = (Shard, Access, Bytes) throws(Fault) -> [Bytes]

    /// How to answer a method, or `nil` when it is none of these.
    static func query(_ path: String) -> Answer? {
        switch path {
        case RPCPath.serverLive: { (_, _, _) throws(Fault) in Readiness(ready: true).encode() }
        case RPCPath.serverReady:
            { (shard, _, _) throws(Fault) in Readiness(ready: shard.isReady).encode() }
        case RPCPath.modelReady: modelReady
        case RPCPath.serverMetadata:
            { (_, _, _) throws(Fault) in Description.server.encode() }
        case RPCPath.modelMetadata:
            { (shard, access, bytes) throws(Fault) in
                try Description.model(shard.tasks[asked(bytes, access, shard)]).encode()
            }
        case RPCPath.modelConfig: modelConfiguration
        case RPCPath.healthCheck: health
        case RPCPath.reportLoad:
            { (shard, _, bytes) throws(Fault) in
                _ = try LoadReportRequest.decode(bytes)
                return LoadReport(shard).encode()
            }
        default: nil
        }
    }

    private static func modelReady(
        _ shard: Shard, _ access: Access, _ bytes: Bytes
    ) throws(Fault) -> [Bytes] {
        let name = try ModelReference.decode(bytes).name
        let task = access.mayUse(name) ? shard.task(named: name) : nil
        return Readiness(ready: task.map(shard.isReady(task:)) ?? false).encode()
    }

    private static func modelConfiguration(
        _ shard: Shard, _ access: Access, _ bytes: Bytes
    ) throws(Fault) -> [Bytes] {
        Description.configuration(shard.tasks[try asked(bytes, access, shard)]).encode()
    }

    private static func health(
        _ shard: Shard, _ access: Access, _ bytes: Bytes
    ) throws(Fault) -> [Bytes] {
        let service = try HealthRequest.decode(bytes).service
        if service.isEmpty || service == "inference.GRPCInferenceService" {
            return HealthResponse(shard.isReady ? .serving : .notServing).encode()
        }
        let task = try access.task(named: service, in: shard)
        return HealthResponse(shard.isReady(task: task) ? .serving : .notServing).encode()
    }

    private static func asked(
        _ bytes: Bytes, _ access: Access, _ shard: Shard
    ) throws(Fault) -> Int {
        try access.task(named: ModelReference.decode(bytes).name, in: shard)
    }
}

extension LoadReport {
    /// How loaded a loop of the node is now. With several loops each speaks of itself: a connection
    /// stays on its loop, and so do the frames that come over it.
    init(_ shard: Shard) {
        let times = shard.tasks.indices.compactMap { shard.admission.service(of: $0) }
        let sum = times.reduce(Interval.zero) { $0 + $1 }
        self.init(
            node: shard.names.name, pending: shard.load.held, capacity: shard.load.room,
            serviceTime: .nanoseconds(sum.nanoseconds / Int64(max(1, times.count))),
            readyTasks: shard.tasks.filter { $0.model != nil || $0.isIdentity }.map(\.name)
                .sorted(),
            draining: shard.isDraining)
    }
}

/// One short question and its answer.
final class Query: CallHandler {
    private let call: ServerCall
    private let access: Access
    private let shard: Shard
    private let query: Queries.Answer
    private var hasMessage = false

    init(
        _ call: ServerCall, _ access: Access, _ shard: Shard, _ query: @escaping Queries.Answer
    ) {
        self.call = call
        self.access = access
        self.shard = shard
        self.query = query
    }

    func message(_ bytes: Bytes) {
        guard !hasMessage else { return }
        hasMessage = true
        do throws(Fault) {
            call.send(message: try query(shard, access, bytes))
            call.finish()
        } catch {
            call.finish(error)
        }
    }

    func halfClosed() {
        guard !hasMessage else { return }
        call.finish(Fault(.invalid, "the call ended without a message", source: .client))
    }

    func cancelled(_ fault: Fault) {}
}

/// What a node says of itself and of its tasks.
enum Description {
    static let server = ServerMetadata(
        name: "canopy", version: Version.text,
        extensions: ["model_configuration", "classification", "statistics(prometheus)"])

    /// A task's inputs and outputs. Of a task that is only handed on, the tensors are not known
    /// here.
    static func model(_ task: TaskRuntime) -> ModelMetadata {
        guard let model = task.model else {
            return ModelMetadata(
                name: task.name, platform: task.isIdentity ? "canopy_identity" : "canopy_remote",
                inputs: [], outputs: [])
        }
        return ModelMetadata(
            name: task.name, versions: [model.bundle], platform: "openvino",
            inputs: inputs(model), outputs: outputs(model))
    }

    /// The part of Triton's configuration that its clients read. A stream of a task in `refine`
    /// mode gives two answers to a request.
    static func configuration(_ task: TaskRuntime) -> ModelConfiguration {
        let metadata = model(task)
        return ModelConfiguration(
            name: metadata.name, platform: metadata.platform, backend: "canopy",
            inputs: metadata.inputs, outputs: metadata.outputs, decoupled: task.mode == .refine)
    }

    /// The form that clients are meant to use: the picture itself where the bundle prepares it.
    private static func inputs(_ model: ServedModel) -> [TensorMetadata] {
        let signature = model.model.signature
        return signature.encodedImage.map { [tensor($0)] } ?? signature.inputs.map(tensor)
    }

    private static func outputs(_ model: ServedModel) -> [TensorMetadata] {
        guard model.isClassifier else { return model.model.signature.outputs.map(tensor) }
        return [
            TensorMetadata(name: "label", datatype: .bytes, shape: [-1]),
            TensorMetadata(name: "class", datatype: .int64, shape: [-1]),
            TensorMetadata(name: "probability", datatype: .fp32, shape: [-1]),
        ]
    }

    private static func tensor(_ tensor: TensorSpecification) -> TensorMetadata {
        TensorMetadata(
            name: tensor.name, datatype: tensor.type,
            shape: tensor.shape)
    }
}

/// The program's version.
public enum Version {
    public static let text = "0.1.0"
}
