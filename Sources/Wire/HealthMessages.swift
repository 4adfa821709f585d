internal import CWire
public import Ground

/// A grpc.health.v1 HealthCheckRequest.
public struct HealthRequest: WireMessage, Equatable {
    /// Empty for the whole server.
    public var service: String

    public init(service: String = "") { self.service = service }

    public static func decode(_ bytes: Bytes) throws(Fault) -> HealthRequest {
        try unpacking(
            bytes, "HealthCheckRequest", from: .client,
            with: grpc__health__v1__health_check_request__unpack
        ) { (c) throws(Fault) in HealthRequest(service: try text(c.service, "service", .client)) }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(grpc__health__v1__health_check_request__init)
            c.pointee.service = arena.text(service)
            return c
        }
    }
}

/// A grpc.health.v1 HealthCheckResponse.
public struct HealthResponse: WireMessage, Equatable {
    /// The protocol's states, under its numbers.
    public enum Status: UInt32, Sendable, CaseIterable {
        case unknown = 0
        case serving = 1
        case notServing = 2
        /// Only as an answer on Watch.
        case serviceUnknown = 3
    }

    public var status: Status

    public init(_ status: Status) { self.status = status }

    /// Reads an answer; a state that the protocol does not name counts as unknown.
    public static func decode(_ bytes: Bytes) throws(Fault) -> HealthResponse {
        try unpacking(
            bytes, "HealthCheckResponse", from: .peer,
            with: grpc__health__v1__health_check_response__unpack
        ) {
            HealthResponse(
                Status(rawValue: UInt32(bitPattern: Int32(truncatingIfNeeded: $0.status.rawValue)))
                    ?? .unknown)
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(grpc__health__v1__health_check_response__init)
            c.pointee.status = Grpc__Health__V1__HealthCheckResponse__ServingStatus(
                numericCast(status.rawValue))
            return c
        }
    }
}
