import Bundles
import Dispatch
import EventLoop
import Foundation
import Ground
import Inference
import Storage
import Synchronization

/// The engine without the gateway: one worker, fed from memory.
///
///     bench-engine BUNDLE FILE    FILE: a JPEG or PNG, or raw FP32 for the model's input
///
/// Reads a number of frames a line, has them answered, and prints the CPU time that they took the
/// whole process, in ns. `Tools/bench` holds a node against it, and it against the runtime.
@main
struct EngineBench {
    static func main() throws {
        let words = CommandLine.arguments
        guard words.count == 3 else {
            print("usage: bench-engine BUNDLE FILE")
            exit(2)
        }
        let disk = FileDisk()
        let bundle = try VerifiedBundle(verifying: words[1], on: disk)
        let engine = try OpenVINOEngine(
            EngineSettings(workers: 1, memoryBudget: 1 << 30), time: MonotonicTime())
        let model = try engine.load(try ModelSource(bundle), place: "bench")
        let bytes = Bytes(try disk.read(words[2], limit: 64 << 20))
        let feed = Feed(model, input(words[2], bytes, model))
        while let line = readLine(), let count = Int(line) {
            let before = cpuNanoseconds()
            feed.answer(count)
            print(cpuNanoseconds() - before)
            fflush(nil)
        }
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

    private static func cpuNanoseconds() -> Int {
        var now = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)
        return now.tv_sec * 1_000_000_000 + now.tv_nsec
    }
}

/// Keeps eight jobs in the queue, as eight streams of a client do.
final class Feed: CompletionSink {
    private static let depth = 8

    private let model: any LoadedModel
    private let input: InferenceInput
    private let left = Atomic<Int>(0)
    private let finished = DispatchSemaphore(value: 0)

    init(_ model: any LoadedModel, _ input: InferenceInput) {
        self.model = model
        self.input = input
    }

    /// Returns when so many frames have been answered.
    func answer(_ count: Int) {
        let first = min(count, Self.depth)
        left.store(count - first, ordering: .sequentiallyConsistent)
        for _ in 0..<first { submit() }
        for _ in 0..<first { finished.wait() }
    }

    private func submit() {
        let job = InferenceJob(
            tag: 0, input: input, lane: .realtime, deadline: .distantFuture, sink: self)
        precondition(model.submit(job), "the queue holds more than eight")
    }

    func completed(_ outcome: InferenceOutcome) {
        guard case .success = outcome.result else { fatalError("\(outcome.result)") }
        let goesOn = left.subtract(1, ordering: .relaxed).newValue >= 0
        if goesOn { submit() } else { finished.signal() }
    }
}
