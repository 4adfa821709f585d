import Cryptography
import Ground
import Inference
import Testing
import Topology
import Wire

@testable import Gateway

/// Who may do what, asked over real sockets.
@Suite("Who may do what", .timeLimit(.minutes(1)))
struct AccessTests {
    private let model = FakeModel(.answers("7", confidence: 0.9))
    private let node: TestGateway

    init() throws { node = try TestGateway(Fleet.text(), models: ["digits": model]) }

    /// Runs a body with a client that shows this token.
    private func with(
        _ token: String?, _ body: (TestClient) async throws -> Void
    ) async throws {
        let client = try TestClient(node.guarded, token: token)
        defer {
            client.stop()
            node.stop()
        }
        try await body(client)
    }

    @Test(arguments: [nil, "nobody"])
    func `Who is unknown gets nothing, but learns whether the node lives`(
        token: String?
    ) async throws {
        try await with(token) { (client) async throws in
            #expect(await client.infer(.of("digits")).fault?.code == .unauthenticated)
            for path in ["/v2", "/metrics", "/v2/receipts/1", "/v2/models/digits", "/nowhere"] {
                #expect(try await client.http("GET", path).status == 401, "\(path)")
            }
            #expect(try await client.http("GET", "/live").status == 200)
            #expect(try await client.http("GET", "/ready").body == "ready\n")
        }
        #expect(model.seen == 0)
    }

    @Test func `A camera uses its tasks, and does not learn what others there are`() async throws {
        try await with("camera") { (client) async throws in
            #expect(try await client.infer(.of("digits")).get().label == "7")
            #expect(await client.infer(.of("echo")).fault?.code == .forbidden)
            let unknown = try #require(await client.infer(.of("nobody")).fault)
            #expect(unknown.code == .forbidden && !unknown.message.contains("echo"))
            for (path, status) in [
                ("/v2/models/digits", 200), ("/v2/models/echo", 403), ("/v2/models/nobody", 403),
                ("/v2/receipts/1", 404), ("/metrics", 403), ("/v2/models/digits/versions/1", 200),
                ("/v2/models/digits/config", 200), ("/v2/models/digits/ready", 200),
                ("/v2/models/echo/ready", 403), ("/nowhere", 404),
            ] {
                #expect(try await client.http("GET", path).status == status, "\(path)")
            }
            let metadata: Result<ModelMetadata, Fault> = await client.ask(
                RPCPath.modelMetadata, ModelReference(name: "echo"))
            #expect(metadata.fault?.code == .forbidden)
        }
    }

    @Test func `Who may only ask cannot send frames, by any way`() async throws {
        try await with("prober") { (client) async throws in
            #expect(try await client.http("GET", "/v2/models/echo").status == 200)
            #expect(await client.infer(.of("echo")).fault?.code == .forbidden)
            let infer = "/v2/models/echo/infer"
            #expect(try await client.http("POST", infer, body: "{}").status == 403)
            #expect(try await client.http("GET", "/v2/receipts/1").status == 403)
            let stream = client.call(RPCPath.modelStreamInfer)
            #expect(await stream.fault()?.code == .forbidden)
        }
    }

    @Test func `A gRPC call to a page is answered, not forgotten`() async throws {
        try await with(nil) { (client) async throws in
            let call = client.call("/live")
            #expect(await call.fault()?.code == .unauthenticated)
        }
    }

    @Test func `REST takes the version in the path, and refuses the wrong method`() async throws {
        let client = try TestClient(node.open)
        defer {
            client.stop()
            node.stop()
        }
        let body = #"{"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"data":["a"]}]}"#
        let pinned = "/v2/models/digits/versions/\(model.id)/infer"
        #expect(try await client.http("POST", pinned, body: body).status == 200)
        let other = "/v2/models/digits/versions/1/infer"
        #expect(try await client.http("POST", other, body: body).status == 400)
        #expect(try await client.http("GET", "/v2/models/digits/infer").status == 400)
        #expect(try await client.http("POST", "/v2").status == 400)
        let metrics = try await client.http("GET", "/metrics")
        #expect(metrics.status == 200 && metrics.body.contains("canopy_frames_total"))
    }
}

/// The rules alone, by certificate and by token.
@Suite("Rules of access")
struct AccessRulesTests {
    private func rules(_ clients: Listener.Clients) throws -> AccessRules {
        let fleet = try Topology(
            validating: TopologyFile(text: Fleet.text(), name: "test.yaml"))
        return AccessRules(topology: fleet, clients: clients)
    }

    @Test func `A node of the topology is known by its certificate, another is not`() throws {
        let rules = try rules(.certificate)
        func identity(_ kind: PeerIdentity.Kind, _ name: String) -> PeerIdentity {
            PeerIdentity(
                kind: kind, name: name, certificate: Hash.sha256([1]),
                expiry: WallTime(nanoseconds: 0))
        }
        let leaf = try rules.access(identity: identity(.node, "leaf"))
        #expect(leaf.verbs == [.infer, .metadata, .metrics] && leaf.tasks == nil)
        let camera = try rules.access(identity: identity(.client, "camera"))
        #expect(camera.tasks == ["digits"] && !camera.verbs.contains(.metrics))
        for stranger in [
            identity(.node, "camera"), identity(.client, "leaf"), identity(.role, "camera"),
        ] {
            #expect(throws: Fault.self) { try rules.access(identity: stranger) }
        }
        #expect(throws: Fault.self) { try rules.access(identity: nil) }
    }

    @Test(arguments: [
        ("Bearer camera", true), ("bearer camera", true), ("BEARER camera", true),
        ("Bearer  camera", false), ("Basic camera", false), ("camera", false), ("Bearer ", false),
        ("Bearer camer", false), ("", false),
    ])
    func `A token is taken as RFC 6750 writes it`(header: String, isKnown: Bool) throws {
        let rules = try rules(.token)
        #expect(((try? rules.access(token: header)) != nil) == isKnown)
    }
}
