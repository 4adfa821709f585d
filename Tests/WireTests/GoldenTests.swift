import Ground
import Testing

@testable import Wire

@Suite struct GoldenTests {
    @Test func `A request of tritonclient reads as it was written`() throws {
        let request = try InferRequest.decode(golden("request-raw"))
        #expect(request.model == "meter-digits")
        #expect(request.version == "sha256:9f2c")
        #expect(request.id == "frame-42")
        #expect(request.parameters == parameters)
        #expect(request.inputs.map(\.name) == ["image", "names"])
        #expect(request.inputs.map(\.datatype) == [.fp32, .bytes])
        #expect(request.inputs.map(\.shape) == [[2, 3], [2]])
        let image: [UInt8] = little(Float(0), 1, -1.5, 3e38, Float(bitPattern: 71362), 0.1)
        #expect(request.inputs[0].contents.array == image)
        #expect(request.inputs[1].elements?.map(\.array) == [Array("hi".utf8), []])
        #expect(request.inputs[1].parameters == ["canopy.encoding": .string("base64")])
        #expect(
            request.outputs == [
                .init(name: "digit", parameters: ["classification": .int64(3)]),
                .init(name: "score"),
            ])
    }

    @Test func `Raw contents are slices of what came`() throws {
        let bytes = try golden("request-raw")
        for input in try InferRequest.decode(bytes).inputs {
            #expect(input.contents.slab === bytes.slab)
        }
    }

    @Test func `Fields behind the raw contents count as much as fields before them`() throws {
        let usual = try InferRequest.decode(golden("request-raw"))
        let bytes = try golden("request-raw-first")
        let odd = try InferRequest.decode(bytes)
        #expect(joined(odd.encode()) == joined(usual.encode()))
        for input in odd.inputs { #expect(input.contents.slab === bytes.slab) }
    }

    @Test func `Typed contents of every type become raw ones`() throws {
        let inputs = try InferRequest.decode(golden("request-typed")).inputs
        let expected: [[UInt8]] = [
            [1, 0, 1], little(Int8.min, Int8.max), little(Int16.min, Int16.max),
            little(Int32.min, Int32.max), little(Int64.min, Int64.max),
            little(UInt8.min, UInt8.max), little(UInt16.min, UInt16.max),
            little(UInt32.min, UInt32.max), little(UInt64.min, UInt64.max),
            little(Float(1.5), -0.0), little(0.1, 1e300),
            [0, 0, 0, 0, 2, 0, 0, 0, 0, 255, 5, 0, 0, 0] + Array("meter".utf8),
        ]
        #expect(inputs.map(\.contents.array) == expected)
        #expect(Set(inputs.map(\.datatype)).union([.fp16, .bf16]) == Set(Datatype.allCases))
    }

    @Test(arguments: ["request-raw", "request-typed"])
    func `A request written again reads the same`(_ name: String) throws {
        let request = try InferRequest.decode(golden(name))
        let copy = try again(request)
        #expect(joined(copy.encode()) == joined(request.encode()))
        #expect(copy.inputs.map(\.contents.array) == request.inputs.map(\.contents.array))
    }

    @Test func `What is written is what other protobufs write, byte for byte`() throws {
        func same<M: WireMessage>(_ name: String, _ type: M.Type) throws {
            let bytes = try golden(name)
            #expect(joined(try M.decode(bytes).encode()) == bytes.array, "\(name)")
        }
        try same("request-raw", InferRequest.self)
        try same("response", InferResponse.self)
        try same("stream-response", StreamResponse.self)
        try same("stream-error", StreamResponse.self)
        try same("reference", ModelReference.self)
        try same("ready", Readiness.self)
        try same("server-metadata", ServerMetadata.self)
        try same("model-metadata", ModelMetadata.self)
        try same("model-config", ModelConfiguration.self)
        try same("health-request", HealthRequest.self)
        try same("health-response", HealthResponse.self)
        try same("status", RPCStatus.self)
    }

    @Test func `A response of tritonclient's protobufs reads as it was written`() throws {
        let stream = try StreamResponse.decode(golden("stream-response"))
        let response = try #require(stream.response)
        #expect(stream.error.isEmpty)
        #expect(response.parameters == parameters)
        #expect(response.outputs.map(\.name) == ["digit", "scores"])
        #expect(response.outputs[0].contents.array == little(Int64(7)))
        #expect(response.outputs[1].contents.array == little(Float(0.75), 0.25))
        #expect(response.outputs[0].parameters.string("labels") == "0-9")
        let failed = try StreamResponse.decode(golden("stream-error"))
        #expect(failed.error == "no such model")
        #expect(failed.response?.id == "7")
    }

    @Test func `Metadata, configuration and status read as they were written`() throws {
        #expect(
            try ModelConfiguration.decode(golden("model-config"))
                == ModelConfiguration(
                    name: "meter-digits", platform: "canopy", backend: "openvino",
                    maximumBatchSize: 8,
                    inputs: [TensorMetadata(name: "image", datatype: .uint8, shape: [-1, 28, 1])],
                    outputs: [TensorMetadata(name: "label", datatype: .bytes, shape: [1])],
                    decoupled: true))
        #expect(
            try ModelMetadata.decode(golden("model-metadata"))
                == ModelMetadata(
                    name: "meter-digits", versions: ["1", "2"], platform: "canopy",
                    inputs: [
                        TensorMetadata(name: "image", datatype: .uint8, shape: [-1, 28, 28, 1])
                    ],
                    outputs: [TensorMetadata(name: "label", datatype: .bytes, shape: [-1, 1])]))
        #expect(
            try RPCStatus.decode(golden("status"))
                == RPCStatus(code: 8, message: "budget", retryDelay: .milliseconds(1500)))
        #expect(try HealthResponse.decode(golden("health-response")).status == .notServing)
    }

    @Test func `A trace export is what the collector's own protobufs write`() throws {
        let export = TraceExport(
            resource: [.init(name: "service.name", value: .string("leaf-mill-3"))],
            scope: ("canopy", "1.0"),
            spans: [
                .init(
                    trace: Array(0..<16), id: Array(0..<8), parent: Array(8..<16), name: "infer",
                    kind: .server, start: WallTime(nanoseconds: 1_700_000_000_000_000_000),
                    end: WallTime(nanoseconds: 1_700_000_000_001_000_000),
                    attributes: [
                        .init(name: "task", value: .string("meter-digits")),
                        .init(name: "accepted", value: .bool(false)),
                        .init(name: "pending", value: .int64(-3)),
                        .init(name: "confidence", value: .double(0.5)),
                    ], error: "deadline", flags: 1),
                .init(
                    trace: Array(0..<16), id: Array(repeating: 1, count: 8), name: "root",
                    kind: .internal, start: WallTime(nanoseconds: 1),
                    end: WallTime(nanoseconds: 2)),
            ])
        #expect(joined(export.encode()) == (try golden("trace-export").array))
    }

    private let parameters: Parameters = [
        "a.bool": .bool(true), "b.int64": .int64(-5), "c.string": .string("wärme"),
        "d.double": .double(0.25), "e.uint64": .uint64(.max),
    ]
}
