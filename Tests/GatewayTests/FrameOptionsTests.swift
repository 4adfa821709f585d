import Ground
import Routing
import Node
import Testing
import Topology
import Wire

@testable import Gateway

@Suite("What a request says of its frame")
struct FrameOptionsTests {
    @Test func `Every parameter is read, and others are let be`() throws {
        let options = try FrameOptions([
            "canopy.class": .string("batch"), "canopy.mode": .string("refine"),
            "canopy.accept": .double(0.7), "timeout": .int64(1_500),
            "canopy.stream": .string("camera-1"), "canopy.sequence": .uint64(9),
            "canopy.via": .string("a,b"), "canopy.captured_at": .int64(5), "other": .bool(true),
        ])
        #expect(options.workClass == .batch && options.mode == .refine && options.accept == 0.7)
        #expect(options.timeout == .microseconds(1_500) && options.stream == "camera-1")
        #expect(options.sequence == 9 && options.via == ["a", "b"])
        #expect(options.capturedAt == .int64(5))
    }

    @Test(arguments: [
        ("timeout", Parameters.Value.int64(0)), ("timeout", .int64(-1)),
        ("timeout", .uint64(.max)), ("timeout", .string("1s")),
        ("canopy.class", .string("urgent")), ("canopy.mode", .int64(1)),
        ("canopy.accept", .double(1.1)), ("canopy.accept", .double(.nan)),
        ("canopy.sequence", .int64(-1)), ("canopy.stream", .bool(true)),
        ("canopy.stream", .string(String(repeating: "x", count: 257))),
        ("canopy.via", .string("1,2,3,4,5,6,7,8,9")),
    ])
    func `What cannot be is refused by name, in few words`(
        name: String, value: Parameters.Value
    ) {
        let fault = #expect(throws: Fault.self) { try FrameOptions([name: value]) }
        #expect(fault?.code == .invalid && fault?.message.contains("'\(name)'") == true)
        #expect((fault?.message.utf8.count ?? 0) < 256)
    }

    @Test(arguments: [
        // What the request says, what the transport says, and what counts.
        (nil, nil, Interval.seconds(2)), (Interval.seconds(1), nil, .seconds(1)),
        (nil, Interval.seconds(5), .seconds(5)), (.seconds(4), .seconds(3), .seconds(3)),
        (.seconds(600), nil, FrameWork.longestDeadline),
    ])
    func `The deadline is the shorter of what is stated, or the task's`(
        stated: Interval?, call: Interval?, expected: Interval
    ) throws {
        var request = InferRequest(model: "t", inputs: [])
        if let stated { request.parameters["timeout"] = .int64(stated.nanoseconds / 1_000) }
        let text = """
            canopy: 1
            nodes: { leaf: { tier: leaf, listen: 127.0.0.1:8443 } }
            tasks: { t: { leaf: { builtin: identity }, deadline: 2s } }
            """
        let fleet = try Topology(validating: TopologyFile(text: text, name: "t.yaml"))
        let blueprint = Blueprint(fleet, node: try #require(fleet.node(named: "leaf")))
        let task = TaskRuntime(blueprint.tasks[0])
        let now = Instant(nanoseconds: 7)
        let work = try FrameWork(
            request, task: 0, of: task, callTimeout: call, trace: nil, now: now)
        #expect(work.deadline == now + expected)
    }

    @Test(arguments: [
        ("/v2/models/t", "t", "", nil), ("/v2/models/t/infer", "t", "", "infer"),
        ("/v2/models/t/versions/3", "t", "3", nil),
        ("/v2/models/t/versions/3/infer", "t", "3", "infer"),
        ("/v2/models/versions/versions/3/ready", "versions", "3", "ready"),
    ])
    func `A model's path is read`(path: String, task: String, version: String, verb: String?) {
        let found = ModelPath(path)
        #expect(found?.task == task && found?.version == version)
        #expect(found?.verb.map(String.init) == verb)
    }

    @Test(arguments: ["/v2", "/v2/models", "/v1/models/t", "/v2/models/t/infer/x", "/"])
    func `Other paths are no model's`(path: String) {
        #expect(ModelPath(path) == nil)
    }

    @Test(arguments: [
        (0.0, "0.000"), (1.2345, "1.235"), (0.05, "0.050"), (12.009, "12.009"), (-1, "0.000"),
    ])
    func `Times of a route have three digits behind the point`(value: Double, text: String) {
        #expect(Decimals.three(value) == text)
    }
}
