import Foundation
import Ground
import Testing

@testable import Inference

private let image = """
    {"version":1,"input":"image","kind":"image","color":"gray","layout":"NCHW",
     "type":"FP32","scale":[0.00392156862745098],
     "steps":[{"op":"resize","width":2,"height":2,"filter":"nearest"}]}
    """
private let classes =
    #"{"version":1,"kind":"classification","output":"logits","activation":"softmax","top":3}"#
private let calibration = """
    {"version":1,"temperature":2,"fitted_on":"v","scores":{"source":"c",
     "max_softmax":[],"margin":[],"entropy":[],"correct":[]}}
    """
private let labels = "zero\none\ntwo\nthree\n"

private func scale() throws -> ModelSource {
    try source("scale.onnx", image, classes, labels: labels, calibration: calibration)
}

private func sum() throws -> ModelSource {
    try source(
        "sum.onnx", #"{"version":1,"input":"a","kind":"tensor","type":"INT32","shape":[2,3]}"#,
        #"{"version":1,"kind":"raw"}"#)
}

private func engine(
    budget: Int = 10_000, hardware: [String] = ["cpu"], cache: String? = nil
) throws -> OpenVINOEngine {
    try OpenVINOEngine(
        EngineSettings(
            workers: 2, memoryBudget: budget, hardware: hardware, cacheFolder: cache),
        time: MachineTime())
}

private func answer(_ model: any LoadedModel, _ input: InferenceInput) throws -> InferenceResult {
    let outcomes = Outcomes()
    let job = InferenceJob(
        tag: 9, input: input, lane: .realtime, deadline: .distantFuture, sink: outcomes)
    #expect(model.submit(job))
    let outcome = try #require(outcomes.wait(for: 1).first)
    #expect(outcome.tag == 9)
    return try outcome.result.get()
}

private func floats(_ values: [Float]) -> Bytes {
    values.withUnsafeBytes { Bytes(copying: $0) }
}

private func floats(_ bytes: Bytes) -> [Float] {
    bytes.withUnsafeBytes { raw in
        (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
}

/// A PNG of 2 × 2 gray pixels 0, 51, 102, 255.
private let pixels = bytes(
    hex: "89504e470d0a1a0a0000000d494844520000000200000002080000000057dd52f80000000e494441"
        + "5478da6360306648fb0f00029d01992f6e74030000000049454e44ae426082")

/// Without the runtime these are skipped: not run: OpenVINO runtime missing; run Tools/setup.
@Suite(
    .enabled(
        if: OpenVINOEngine.isInstalled, "not run: OpenVINO runtime missing; run Tools/setup"))
struct `The OpenVINO engine` {
    @Test func `A model says what it takes and gives`() throws {
        let engine = try engine()
        defer { engine.shutdown() }
        let signature = try engine.load(try scale(), place: "here").signature
        #expect(
            signature.inputs == [
                TensorSpecification(name: "image", type: .fp32, shape: [1, 1, 2, 2])
            ])
        #expect(
            signature.encodedImage == TensorSpecification(name: "image", type: .bytes, shape: [1]))
        #expect(
            signature.outputs == [
                TensorSpecification(name: "logits", type: .fp32, shape: [1, 4]),
                TensorSpecification(name: "probabilities", type: .fp32, shape: [3]),
                TensorSpecification(name: "labels", type: .bytes, shape: [3]),
            ])
    }

    @Test func `A raw tensor is classified at the bundle's temperature`() throws {
        let engine = try engine()
        defer { engine.shutdown() }
        let model = try engine.load(try scale(), place: "here")
        let tensor = Tensor(
            name: "image", type: .fp32, shape: [1, 1, 2, 2], bytes: floats([0, 1, 0, 0.5]))
        let result = try answer(model, .tensors([tensor]))
        #expect(floats(result.outputs[0].bytes) == [0, 2.5, 0, 1])
        #expect(result.classes.map(\.label) == ["one", "three", "zero"])
        let powers = [0, 1.25, 0, 0.5].map { exp($0) }
        let top = powers[1] / powers.reduce(0, +)
        #expect(abs(try #require(result.scores).maxSoftmax - top) < 1e-6)
        #expect(floats(result.outputs[1].bytes)[0] == Float(result.classes[0].probability))
        #expect(result.outputs[2].bytes.array.starts(with: [3, 0, 0, 0] + Array("one".utf8)))
    }

    @Test(arguments: ["scale.xml", "scale.tflite"])
    func `The same model answers the same in every format`(file: String) throws {
        let engine = try engine()
        defer { engine.shutdown() }
        let other = try source(file, image, classes, labels: labels, calibration: calibration)
        let model = try engine.load(other, place: "here")
        let tensor = Tensor(
            name: "image", type: .fp32, shape: [1, 1, 2, 2], bytes: floats([0, 1, 0, 0.5]))
        let result = try answer(model, .tensors([tensor]))
        #expect(floats(result.outputs[0].bytes) == [0, 2.5, 0, 1])
        #expect(result.classes.map(\.label) == ["one", "three", "zero"])
    }

    @Test func `An image answers the same by either way in`() throws {
        let engine = try engine()
        defer { engine.shutdown() }
        let model = try engine.load(try scale(), place: "here")
        let direct = try answer(model, .image(Bytes(pixels)))
        let length = withUnsafeBytes(of: UInt32(pixels.count).littleEndian) { Array($0) }
        let element = Tensor(
            name: "image", type: .bytes, shape: [1], bytes: Bytes(length + pixels))
        let wrapped = try answer(model, .tensors([element]))
        let expected: [Float] = [0, 0.9, 0.8, 2]
        for (value, other) in zip(floats(direct.outputs[0].bytes), expected) {
            #expect(abs(value - other) < 1e-6)
        }
        #expect(wrapped.outputs[0].bytes.array == direct.outputs[0].bytes.array)
    }

    @Test func `A bad frame is refused, and the next good one is answered`() throws {
        let engine = try engine()
        defer { engine.shutdown() }
        let model = try engine.load(try scale(), place: "here")
        let problem = fault { try answer(model, .image(Bytes(Array(pixels.dropLast(20))))) }
        #expect(problem?.code == .invalid)
        #expect(try answer(model, .image(Bytes(pixels))).classes[0].label == "three")
    }

    @Test func `A model that gives no number gives no confidence`() throws {
        let engine = try engine()
        defer { engine.shutdown() }
        let model = try engine.load(try scale(), place: "here")
        let tensor = Tensor(
            name: "image", type: .fp32, shape: [1, 1, 2, 2], bytes: floats([.nan, 1, 0, 0]))
        let result = try answer(model, .tensors([tensor]))
        #expect(result.scores == .malformed && result.classes.isEmpty)
        #expect(result.outputs[1].shape == [0])
    }

    @Test func `A raw model adds two tensors wherever they lie in memory`() throws {
        let engine = try engine()
        defer { engine.shutdown() }
        let model = try engine.load(try sum(), place: "here")
        #expect(model.signature.inputs.map(\.shape) == [[2, 3], [-1, 3]])
        #expect(model.signature.outputs.map(\.shape) == [[-1, 3]])
        let numbers = (0..<6 as Range<Int32>).map { $0 * 1000 }
        let body = [0xFF] + numbers.withUnsafeBytes { Array($0) }
        // An odd address, as it may be within a received message.
        let slice = Bytes(body)[1..<25]
        let tensors = ["a", "b"].map {
            Tensor(name: $0, type: .int32, shape: [2, 3], bytes: slice)
        }
        let result = try answer(model, .tensors(tensors))
        #expect(result.scores == nil && result.outputs.count == 1)
        #expect(result.outputs[0].shape == [2, 3])
        let sums = result.outputs[0].bytes.withUnsafeBytes { raw in
            (0..<6).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) }
        }
        #expect(sums == numbers.map { $0 * 2 })
    }

    @Test func `An encoded image for a model of tensors is refused`() throws {
        let engine = try engine()
        defer { engine.shutdown() }
        let model = try engine.load(try sum(), place: "here")
        let problem = fault { try answer(model, .image(Bytes(pixels))) }
        #expect(problem?.code == .invalid && problem?.source == .client)
    }

    @Test func `Two workers answer a thousand jobs, each with its own result`() throws {
        let engine = try engine()
        defer { engine.shutdown() }
        let model = try engine.load(try scale(), place: "here")
        let outcomes = Outcomes()
        for start in stride(from: 0, to: 1000, by: 50) {
            for tag in start..<start + 50 {
                let tensor = Tensor(
                    name: "image", type: .fp32, shape: [1, 1, 2, 2],
                    bytes: floats([Float(tag), 0, 0, 0]))
                let job = InferenceJob(
                    tag: UInt64(tag), input: .tensors([tensor]), lane: .realtime,
                    deadline: .distantFuture, sink: outcomes)
                #expect(model.submit(job))
            }
            _ = outcomes.wait(for: 50)
        }
        let all = outcomes.wait(for: 0)
        #expect(all.count == 1000)
        for outcome in all {
            #expect(floats(try outcome.result.get().outputs[0].bytes)[0] == Float(2 * outcome.tag))
        }
    }

    @Test func `What does not fit the budget is refused before it is read, with both numbers`()
        throws
    {
        let engine = try engine(budget: 1500)
        defer { engine.shutdown() }
        let first = try engine.load(try scale(), place: "here")
        #expect(engine.memoryInUse == 1000)
        let absent = try source(
            "absent.onnx", image, classes, labels: labels, memory: 700)
        let problem = try #require(
            fault { try engine.load(absent, place: "topology.yaml:12 tasks.meter.leaf") })
        #expect(problem.code == .exhausted)
        for text in ["topology.yaml:12 tasks.meter.leaf", "700", "1500", "1000"] {
            #expect(problem.message.contains(text), "\(problem.message)")
        }
        first.close()
        first.close()
        #expect(engine.memoryInUse == 0)
        #expect(fault { try engine.load(absent, place: "x") }?.code == .corrupt, "read at last")
        #expect(engine.memoryInUse == 0)
    }

    @Test func `Hardware that the node lacks is refused before the model is read`() throws {
        let engine = try engine(hardware: ["cpu", "intel-npu"])
        defer { engine.shutdown() }
        let absent = try source(
            "absent.onnx", image, classes, labels: labels, hardware: ["nvidia-gpu"])
        let problem = try #require(fault { try engine.load(absent, place: "topology.yaml:3") })
        #expect(problem.code == .unsupported)
        for text in ["topology.yaml:3", "nvidia-gpu", "cpu, intel-npu"] {
            #expect(problem.message.contains(text))
        }
    }

    @Test(arguments: [
        (
            "sum.onnx", image.replacing("\"image\",\"kind\"", with: "\"frame\",\"kind\""),
            classes, labels, "\"frame\""
        ),
        (
            "scale.onnx", image.replacing("\"width\":2", with: "\"width\":3"), classes, labels,
            "[1, 1, 2, 3]"
        ),
        ("scale.onnx", image, classes, "zero\none\n", "2 lines"),
        (
            "sum.onnx", image.replacing("\"image\",\"kind\"", with: "\"a\",\"kind\""), classes,
            labels, "INT32"
        ),
    ])
    func `A bundle whose parts do not fit is refused, naming both`(
        model: String, preprocessing: String, postprocessing: String, labels: String,
        expected: String
    ) throws {
        let engine = try engine()
        defer { engine.shutdown() }
        let wrong = try source(model, preprocessing, postprocessing, labels: labels)
        let problem = try #require(fault { try engine.load(wrong, place: "here") })
        #expect(problem.code == .corrupt)
        #expect(problem.message.contains(expected), "\(problem.message)")
    }

    @Test func `A model with one input and one output may call them what it likes`() throws {
        let engine = try engine()
        defer { engine.shutdown() }
        let renamed = try source(
            "scale.onnx", image.replacing("\"image\",\"kind\"", with: "\"frame\",\"kind\""),
            classes.replacing("logits", with: "odds"), labels: labels)
        let model = try engine.load(renamed, place: "here")
        #expect(model.signature.inputs.map(\.name) == ["frame"])
        #expect(try answer(model, .image(Bytes(pixels))).classes[0].label == "three")
    }

    @Test func `A compiled model is kept in the cache folder`() throws {
        let folder = NSTemporaryDirectory() + "canopy-cache-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for _ in 0..<2 {
            let engine = try engine(cache: folder)
            defer { engine.shutdown() }
            let model = try engine.load(try scale(), place: "here")
            #expect(try answer(model, .image(Bytes(pixels))).classes[0].label == "three")
        }
        let kept = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(kept.count == 1)
    }
}

@Suite struct `Without OpenVINO` {
    @Test func `A missing library is named with what to run`() throws {
        let settings = EngineSettings(
            workers: 1, memoryBudget: 1, library: "/nowhere/libopenvino_c.so")
        let problem = try #require(fault { try OpenVINOEngine(settings, time: MachineTime()) })
        #expect(problem.code == .unavailable)
        #expect(problem.message.contains("/nowhere/libopenvino_c.so"))
        #expect(problem.remedy?.contains("Tools/setup") == true)
    }

    @Test func `A library that is something else is named with the function it lacks`() throws {
        let settings = EngineSettings(workers: 1, memoryBudget: 1, library: "libz.so.1")
        let problem = try #require(fault { try OpenVINOEngine(settings, time: MachineTime()) })
        #expect(problem.message.contains("ov_get_openvino_version"))
    }
}
