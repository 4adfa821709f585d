import Ground
import HTTP
import Inference
import Wire

/// The short questions of the Open Inference Protocol and of grpc.health.v1.
enum Queries {
    typealias Answer = (Shard, Bytes) throws(Fault) -> [Bytes]

    /// How to answer a method, or `nil` when it is none of these.
    static func query(_ path: String) -> Answer? {
        switch path {
        case RPCPath.serverLive: { (_, _) throws(Fault) in Readiness(ready: true).encode() }
        case RPCPath.serverReady:
            { (shard, _) throws(Fault) in Readiness(ready: shard.isReady).encode() }
        case RPCPath.modelReady: modelReady
        case RPCPath.serverMetadata:
            { (_, _) throws(Fault) in Description.server.encode() }
        case RPCPath.modelMetadata:
            { (shard, bytes) throws(Fault) in
                try Description.model(shard.tasks[asked(bytes, shard)], shard.names).encode()
            }
        case RPCPath.modelConfig: modelConfiguration
        case RPCPath.healthCheck: health
        default: nil
        }
    }

    private static func modelReady(_ shard: Shard, _ bytes: Bytes) throws(Fault) -> [Bytes] {
        let name = try ModelReference.decode(bytes).name
        let ready = shard.task(named: name).map(shard.isReady(task:)) ?? false
        return Readiness(ready: ready).encode()
    }

    private static func modelConfiguration(
        _ shard: Shard, _ bytes: Bytes
    ) throws(Fault) -> [Bytes] {
        let metadata = Description.model(
            shard.tasks[try asked(bytes, shard)], shard.names)
        return ModelConfiguration(
            name: metadata.name, platform: metadata.platform, backend: "canopy",
            inputs: metadata.inputs, outputs: metadata.outputs, decoupled: false
        ).encode()
    }

    private static func health(_ shard: Shard, _ bytes: Bytes) throws(Fault) -> [Bytes] {
        let service = try HealthRequest.decode(bytes).service
        if service.isEmpty || service == "inference.GRPCInferenceService" {
            return HealthResponse(shard.isReady ? .serving : .notServing).encode()
        }
        guard let task = shard.task(named: service) else {
            throw Refusals.unknownTask(service, known: shard.tasks.map(\.name))
        }
        return HealthResponse(shard.isReady(task: task) ? .serving : .notServing).encode()
    }

    private static func asked(_ bytes: Bytes, _ shard: Shard) throws(Fault) -> Int {
        let name = try ModelReference.decode(bytes).name
        guard let task = shard.task(named: name) else {
            throw Refusals.unknownTask(name, known: shard.tasks.map(\.name))
        }
        return task
    }
}

/// One short question and its answer.
final class Query: CallHandler {
    private let call: ServerCall
    private unowned let shard: Shard
    private let query: Queries.Answer
    private var hasMessage = false

    init(_ call: ServerCall, _ shard: Shard, _ query: @escaping Queries.Answer) {
        self.call = call
        self.shard = shard
        self.query = query
    }

    func message(_ bytes: Bytes) {
        guard !hasMessage else { return }
        hasMessage = true
        do throws(Fault) {
            call.send(message: try query(shard, bytes))
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
    static func model(_ task: TaskRuntime, _ names: NodeNames) -> ModelMetadata {
        guard let model = task.model else {
            return ModelMetadata(
                name: task.name, platform: task.isIdentity ? "canopy_identity" : "canopy_remote",
                inputs: [], outputs: [])
        }
        return ModelMetadata(
            name: task.name, versions: [model.bundle], platform: "openvino",
            inputs: inputs(model), outputs: outputs(model))
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
            name: tensor.name, datatype: Datatype(rawValue: tensor.type.rawValue) ?? .bytes,
            shape: tensor.shape)
    }
}

/// The program's version.
public enum Version {
    public static let text = "0.1.0"
}
