internal import CWire
public import Ground

/// Which model a ModelReady, ModelMetadata or ModelConfig request asks about: the three are one on
/// the wire.
public struct ModelReference: WireMessage, Equatable {
    public var name: String
    /// Empty for what is pinned.
    public var version: String

    public init(name: String, version: String = "") {
        self.name = name
        self.version = version
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> ModelReference {
        try unpacking(
            bytes, "ModelReadyRequest", from: .client, with: inference__model_ready_request__unpack
        ) { (c) throws(Fault) in
            ModelReference(
                name: try text(c.name, "name", .client),
                version: try text(c.version, "version", .client))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(inference__model_ready_request__init)
            c.pointee.name = arena.text(name)
            c.pointee.version = arena.text(version)
            return c
        }
    }
}

/// A ServerLiveResponse, ServerReadyResponse or ModelReadyResponse: the three are one on the wire.
public struct Readiness: WireMessage, Equatable {
    public var ready: Bool

    public init(ready: Bool) { self.ready = ready }

    public static func decode(_ bytes: Bytes) throws(Fault) -> Readiness {
        try unpacking(
            bytes, "ServerReadyResponse", from: .peer,
            with: inference__server_ready_response__unpack
        ) { Readiness(ready: $0.ready != 0) }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(inference__server_ready_response__init)
            c.pointee.ready = ready ? 1 : 0
            return c
        }
    }
}

/// A ServerMetadataResponse.
public struct ServerMetadata: WireMessage, Equatable {
    public var name: String
    public var version: String
    /// The protocol's extensions that are spoken, as Triton names them.
    public var extensions: [String]

    public init(name: String, version: String, extensions: [String] = []) {
        self.name = name
        self.version = version
        self.extensions = extensions
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> ServerMetadata {
        try unpacking(
            bytes, "ServerMetadataResponse", from: .peer,
            with: inference__server_metadata_response__unpack
        ) { (c) throws(Fault) in
            ServerMetadata(
                name: try text(c.name, "name", .peer),
                version: try text(c.version, "version", .peer),
                extensions: try texts(c.extensions, c.n_extensions, "extensions", .peer))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(inference__server_metadata_response__init)
            c.pointee.name = arena.text(name)
            c.pointee.version = arena.text(version)
            c.pointee.n_extensions = extensions.count
            c.pointee.extensions = arena.array(extensions, arena.text)
            return c
        }
    }
}
