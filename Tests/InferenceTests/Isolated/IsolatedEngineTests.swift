import Dispatch
import Foundation
import Ground
import Synchronization
import Testing

@testable import Inference

/// Runs engines on threads of this process, over the same shared memory as in a process of their
/// own. What it calls killing one is letting it end, and telling its node that it did.
private final class ThreadLauncher: EngineLauncher {
    private let runs = Atomic<Int>(0)
    private let last = Mutex<Thread?>(nil)

    var count: Int { runs.load(ordering: .relaxed) }

    final class Thread: EngineProcess {
        let exited: @Sendable (String) -> Void
        init(_ exited: @escaping @Sendable (String) -> Void) { self.exited = exited }
        func kill() {}
    }

    func launch(
        _ label: String, descriptors: [Int32], exited: @escaping @Sendable (String) -> Void
    ) throws(Fault) -> any EngineProcess {
        runs.add(1, ordering: .relaxed)
        let own = descriptors.map { dup($0) }
        WorkerThread {
            do throws(Fault) {
                try EngineChild.serve(
                    control: own[0], frames: own[1], isProcess: false, time: MachineTime())
            } catch {}
            exited("status 0")
        }?.detach()
        let thread = Thread(exited)
        last.withLock { $0 = thread }
        return thread
    }

    /// Tells the node that the last engine ended.
    func crash() { last.withLock { $0 }?.exited("signal 9") }
}

/// A node's engine whose isolated models run on threads.
private final class Bench {
    let launcher = ThreadLauncher()
    let frames: FrameArena
    let budget: ByteBudget
    let engine: NodeEngine

    init(workers: Int = 2) throws {
        frames = try FrameArena(budget: 8 << 20)
        budget = ByteBudget(limit: 8 << 20)
        budget.cut(from: frames)
        var settings = EngineSettings(workers: workers, memoryBudget: 10_000, allocator: budget)
        settings.idle = .milliseconds(1)
        engine = NodeEngine(settings, time: MachineTime())
        engine.isolate(IsolatedHome(frames: frames, launcher: launcher))
    }

    func load(_ home: EngineHome, _ source: ModelSource) throws -> any LoadedModel {
        try engine.load(source, in: home, place: "here")
    }

    func shared(_ bytes: [UInt8]) throws -> Bytes {
        let slab = try #require(budget.allocate(capacity: bytes.count))
        UnsafeMutableRawBufferPointer(start: slab.base, count: bytes.count)
            .copyBytes(from: bytes)
        return Bytes(slab: slab, start: 0, count: bytes.count)
    }

    func outcome(
        _ model: any LoadedModel, _ input: InferenceInput
    ) throws -> Result<InferenceResult, Fault> {
        let outcomes = Outcomes()
        let job = InferenceJob(
            tag: 9, input: input, lane: .realtime, deadline: .distantFuture, sink: outcomes)
        guard model.submit(job) else { throw Fault(.exhausted, "it was not taken") }
        return try #require(outcomes.wait(for: 1).first).result
    }
}

private func text(_ bytes: Bytes) -> [UInt8] { bytes.array }

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

private func scale(preprocessing: String = image) throws -> ModelSource {
    try source(
        "scale.onnx", preprocessing, classes, labels: "zero\none\ntwo\nthree\n",
        calibration: calibration)
}

private func tensor(_ values: [Float], in bench: Bench) throws -> InferenceInput {
    .tensors([
        Tensor(
            name: "image", type: .fp32, shape: [1, 1, 2, 2],
            bytes: try bench.shared(values.withUnsafeBytes { Array($0) }))
    ])
}

private let isInstalled = OpenVINOEngine.isInstalled

@Suite(.enabled(if: isInstalled), .timeLimit(.minutes(2)))
struct `An isolated engine` {
    @Test func `It gives the same answers as one in the process, and copies no frame`() throws {
        let bench = try Bench()
        defer { bench.engine.shutdown() }
        let here = try bench.load(.inProcess, try scale())
        let there = try bench.load(.isolated, try scale())
        #expect(there.signature == here.signature)
        let picture = try contents("Golden/jpeg-frame-gray/input.jpg")
        let inputs = [
            try tensor([0.5, -1, 3, 0.25], in: bench), .image(try bench.shared(picture)),
        ]
        for input in inputs {
            let ours = try bench.outcome(here, input).get()
            let theirs = try bench.outcome(there, input).get()
            #expect(theirs.classes == ours.classes && theirs.scores == ours.scores)
            #expect(theirs.outputs.map(\.name) == ours.outputs.map(\.name))
            #expect(theirs.outputs.map(\.shape) == ours.outputs.map(\.shape))
            #expect(theirs.outputs.map { text($0.bytes) } == ours.outputs.map { text($0.bytes) })
        }
        #expect(there.counters.copiedBytes == 0)
    }

    @Test func `A frame that lies elsewhere is copied, and counted`() throws {
        let bench = try Bench()
        defer { bench.engine.shutdown() }
        let model = try bench.load(.isolated, try scale())
        let picture = try contents("Golden/jpeg-frame-gray/input.jpg")
        _ = try bench.outcome(model, .image(Bytes(picture))).get()
        #expect(model.counters.copiedBytes == picture.count)
    }

    @Test func `A client's mistake is told in the same words`() throws {
        let bench = try Bench()
        defer { bench.engine.shutdown() }
        let models = try [bench.load(.inProcess, try scale()), bench.load(.isolated, try scale())]
        let wrong: [InferenceInput] = [
            .image(try bench.shared([1, 2, 3])),
            .tensors([
                Tensor(name: "image", type: .fp32, shape: [4], bytes: try bench.shared([0]))
            ]),
            .tensors([]),
        ]
        for input in wrong {
            let faults = try models.map { model in
                try #require(fault { try bench.outcome(model, input).get() })
            }
            #expect(faults[0].description == faults[1].description)
            #expect(faults[1].code == .invalid && faults[1].source == .client)
        }
        #expect(models[1].condition == .serving, "no engine ends for it")
    }

    @Test func `A thousand jobs of two workers come back with their own results`() throws {
        let bench = try Bench()
        defer { bench.engine.shutdown() }
        let model = try bench.load(.isolated, try scale())
        let outcomes = Outcomes()
        for start in stride(from: 0, to: 1000, by: 50) {
            for tag in start..<start + 50 {
                let job = InferenceJob(
                    tag: UInt64(tag), input: try tensor([Float(tag), 0, 0, 0], in: bench),
                    lane: .realtime, deadline: .distantFuture, sink: outcomes)
                #expect(model.submit(job))
            }
            _ = outcomes.wait(for: 50)
        }
        for outcome in outcomes.wait(for: 0) {
            let first = try outcome.result.get().outputs[0].bytes.withUnsafeBytes {
                $0.loadUnaligned(as: Float.self)
            }
            #expect(first == Float(2 * outcome.tag))
        }
        #expect(outcomes.count == 1000)
    }

    @Test func `A crash ends what runs and waits as unavailable, and it serves again`() throws {
        let bench = try Bench(workers: 1)
        defer { bench.engine.shutdown() }
        let model = try bench.load(.isolated, try scale())
        let conditions = Mutex<[EngineCondition]>([])
        let changed = DispatchSemaphore(value: 0)
        model.watch { condition in
            conditions.withLock { $0.append(condition) }
            changed.signal()
        }
        bench.launcher.crash()
        #expect(changed.wait(timeout: .now() + 30) == .success)
        #expect(fault { try bench.outcome(model, .image(Bytes([1]))) }?.code == .exhausted)
        #expect(changed.wait(timeout: .now() + 30) == .success)
        #expect(
            conditions.withLock { $0 } == [
                .restarting("its process ended: signal 9"), .serving,
            ])
        #expect(model.counters.restarts == 1 && bench.launcher.count == 2)
        let result = try bench.outcome(model, try tensor([1, 2, 3, 4], in: bench)).get()
        #expect(result.classes.count == 3)
    }

    @Test func `A model that cannot be loaded says why, and leaves nothing behind`() throws {
        let bench = try Bench()
        defer { bench.engine.shutdown() }
        let absent = try source("absent.onnx", image, classes, labels: "a\nb\nc\nd\n")
        let problem = try #require(fault { try bench.load(.isolated, absent) })
        #expect(problem.code == .corrupt && problem.message.contains("here: "))
        let misfit = try scale(preprocessing: image.replacing("\"width\":2", with: "\"width\":3"))
        let other = try #require(fault { try bench.load(.isolated, misfit) })
        #expect(other.code == .corrupt && other.message.contains("[1, 1, 2, 3]"))
        #expect(bench.engine.memoryInUse == 0)
    }

    @Test func `Both homes share one budget of memory`() throws {
        let bench = try Bench()
        defer { bench.engine.shutdown() }
        let large = try source(
            "scale.onnx", image, classes, labels: "a\nb\nc\nd\n", memory: 6000)
        let first = try bench.load(.isolated, large)
        #expect(fault { try bench.load(.inProcess, large) }?.code == .exhausted)
        first.close()
        #expect(bench.engine.memoryInUse == 0)
        _ = try bench.load(.inProcess, large)
    }
}
