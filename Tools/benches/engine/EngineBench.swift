import Bundles
import Dispatch
import EventLoop
import Foundation
import Ground
import Inference
import Storage
import Synchronization

/// The engine without the gateway: how many frames a second one worker answers, fed from memory.
///
///     bench-engine BUNDLE FILE SECONDS    FILE: a JPEG or PNG, or raw FP32 for the model's input
///
/// Prints frames a second. `Tools/bench` holds a node against it, and it against the runtime.
@main
struct EngineBench {
    static func main() throws {
        let words = CommandLine.arguments
        guard words.count == 4, let seconds = Double(words[3]) else {
            print("usage: bench-engine BUNDLE FILE SECONDS")
            exit(2)
        }
        let disk = FileDisk()
        let bundle = try VerifiedBundle(verifying: words[1], on: disk)
        let engine = try OpenVINOEngine(
            EngineSettings(workers: 1, memoryBudget: 1 << 30), time: MonotonicTime())
        let model = try engine.load(try ModelSource(bundle), place: "bench")
        let bytes = Bytes(try disk.read(words[2], limit: 64 << 20))
        let run = Run(model, input(words[2], bytes, model), seconds: seconds)
        print(run.rate())
        engine.shutdown()
    }

    private static func input(
        _ path: String, _ bytes: Bytes, _ model: any LoadedModel
    ) -> InferenceInput {
        if path.hasSuffix(".jpg") || path.hasSuffix(".png") { return .image(bytes) }
        let port = model.signature.inputs[0]
        return .tensors([
            Tensor(name: port.name, type: port.type, shape: port.shape, bytes: bytes)
        ])
    }
}

/// Keeps eight jobs in the queue, as eight streams of a client do.
final class Run: CompletionSink {
    private static let depth = 8

    private let model: any LoadedModel
    private let input: InferenceInput
    private let end: Instant
    private let start: Instant
    private let time = MonotonicTime()
    private let count = Atomic<Int>(0)
    private let finished = DispatchSemaphore(value: 0)

    init(_ model: any LoadedModel, _ input: InferenceInput, seconds: Double) {
        self.model = model
        self.input = input
        start = time.now
        end = start + .nanoseconds(Int64(seconds * 1e9))
    }

    /// Runs until the time is over.
    func rate() -> Double {
        for _ in 0..<Self.depth { submit() }
        for _ in 0..<Self.depth { finished.wait() }
        return Double(count.load(ordering: .relaxed)) / (time.now - start).seconds
    }

    private func submit() {
        let job = InferenceJob(
            tag: 0, input: input, lane: .realtime, deadline: .distantFuture, sink: self)
        precondition(model.submit(job), "the queue holds more than eight")
    }

    func completed(_ outcome: InferenceOutcome) {
        guard case .success = outcome.result else { fatalError("\(outcome.result)") }
        count.add(1, ordering: .relaxed)
        if time.now < end { submit() } else { finished.signal() }
    }
}
