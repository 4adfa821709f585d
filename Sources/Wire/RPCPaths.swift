/// The `:path` of every gRPC method that is spoken.
public enum RPCPath {
    public static let serverLive = "/inference.GRPCInferenceService/ServerLive"
    public static let serverReady = "/inference.GRPCInferenceService/ServerReady"
    public static let modelReady = "/inference.GRPCInferenceService/ModelReady"
    public static let serverMetadata = "/inference.GRPCInferenceService/ServerMetadata"
    public static let modelMetadata = "/inference.GRPCInferenceService/ModelMetadata"
    public static let modelConfig = "/inference.GRPCInferenceService/ModelConfig"
    public static let modelInfer = "/inference.GRPCInferenceService/ModelInfer"
    public static let modelStreamInfer = "/inference.GRPCInferenceService/ModelStreamInfer"
    public static let healthCheck = "/grpc.health.v1.Health/Check"
    public static let healthWatch = "/grpc.health.v1.Health/Watch"
    public static let greet = "/canopy.v1.Peer/Greet"
    public static let reportLoad = "/canopy.v1.Peer/ReportLoad"
    public static let watchLoad = "/canopy.v1.Peer/WatchLoad"
    public static let submitFeedback = "/canopy.v1.Peer/SubmitFeedback"
    public static let neighbours = "/canopy.v1.Discovery/Neighbours"
}
