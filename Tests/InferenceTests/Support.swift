import Dispatch
import Foundation
import Ground
import Synchronization

@testable import Inference

/// The folder of these tests, where their files lie.
let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

func contents(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: here.appendingPathComponent(path)))
}

func bytes(hex: String) -> [UInt8] {
    let digits = Array(hex.utf8).map { UInt8(Character(Unicode.Scalar($0)).hexDigitValue!) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// Runs an image preprocessing on a file.
func prepared(
    _ file: [UInt8], _ preprocessing: String, pixelLimit: Int = EngineSettings.defaultPixelLimit
) throws -> (shape: [Int], bytes: [UInt8]) {
    guard case .image(let image) = try Preprocessing(file: Array(preprocessing.utf8)) else {
        preconditionFailure("an image preprocessing was expected")
    }
    let pipeline = try ImagePipeline(image, pixelLimit: pixelLimit)
    var shape: [Int] = []
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { memory.deallocate() }
    try file.withUnsafeBytes {
        try pipeline.run($0) {
            shape = $0
            return memory
        }
    }
    let count = shape.reduce(1, *) * image.type.size!
    return (shape, Array(memory[..<count]))
}

/// A clock that moves when told.
final class ManualTime: TimeSource {
    private let nanoseconds = Atomic<UInt64>(1_000_000_000)
    var now: Instant { Instant(nanoseconds: nanoseconds.load(ordering: .relaxed)) }
    var wall: WallTime { WallTime(nanoseconds: 0) }
    func advance(_ interval: Interval) {
        nanoseconds.add(UInt64(interval.nanoseconds), ordering: .relaxed)
    }
}

/// The machine's clock.
struct MachineTime: TimeSource {
    var now: Instant { Instant(nanoseconds: DispatchTime.now().uptimeNanoseconds) }
    var wall: WallTime { WallTime(nanoseconds: 0) }
}

/// Keeps outcomes and lets a test wait for them.
final class Outcomes: CompletionSink {
    private let kept = Mutex<[InferenceOutcome]>([])
    private let arrived = DispatchSemaphore(value: 0)

    func completed(_ outcome: InferenceOutcome) {
        kept.withLock { $0.append(outcome) }
        arrived.signal()
    }

    /// All outcomes so far, in their order, once there are `count` more than were waited for. A
    /// hang ends the test.
    func wait(for count: Int) -> [InferenceOutcome] {
        for _ in 0..<count {
            guard arrived.wait(timeout: .now() + 30) == .success else { break }
        }
        return kept.withLock { $0 }
    }

    var count: Int { kept.withLock { $0.count } }
}

/// A model's files, given as text, and a model in the folder `Models`.
struct SourceFiles: ModelFiles {
    var model: String
    var texts: [String: String]

    func path(_ name: String) -> String? {
        let (stem, ending) = (model.split(separator: ".")[0], model.split(separator: ".")[1])
        // The weights of an IR model lie beside it.
        let isWeights = name == "model.bin" && ending == "xml"
        guard isWeights || name == "model.\(ending)" else { return nil }
        let file = isWeights ? "\(stem).bin" : model
        return here.appendingPathComponent("Models/\(file)").path
    }

    func read(_ name: String, limit: Int) throws(Fault) -> [UInt8]? {
        texts[name].map { Array($0.utf8) }
    }
}

let someDigest = Digest("sha256:" + String(repeating: "ab", count: 32))!

func source(
    _ model: String, _ preprocessing: String, _ postprocessing: String, labels: String? = nil,
    calibration: String? = nil, memory: Int = 1000, hardware: [String] = ["cpu"]
) throws -> ModelSource {
    var texts = ["preprocessing.json": preprocessing, "postprocessing.json": postprocessing]
    texts["labels.txt"] = labels
    texts["calibration.json"] = calibration
    return try ModelSource(
        id: someDigest, memory: memory, hardware: hardware,
        files: SourceFiles(model: model, texts: texts))
}

/// What the fault of `body` says; `nil` when there is none.
func fault<R>(_ body: () throws -> R) -> Fault? {
    do {
        _ = try body()
        return nil
    } catch { return error as? Fault }
}
