internal import CIsolation
internal import Glibc
public import Ground

/// The process of an isolated engine, `canopy engine`: reads its order from the memory that it was
/// given, loads the model, gives up what it does not need any more, and answers requests.
public enum EngineChild {
    /// Where `canopy serve` puts the two memories that it shares.
    public static let control: Int32 = 3
    public static let frames: Int32 = 4

    /// Serves until the node asks for the end.
    ///
    /// - Parameters:
    ///   - control: the memory that this engine and its node write; taken over.
    ///   - frames: the memory that frames lie in; taken over.
    ///   - isProcess: whether this process is the engine's alone, which is then confined.
    /// - Throws: why it cannot serve; the node has been told where that was possible.
    public static func serve(
        control: Int32 = control, frames: Int32 = frames, isProcess: Bool, time: any TimeSource
    ) throws(Fault) {
        let memory = try SharedMemory(adopting: control, isWritable: true)
        guard memory.size >= ChannelLayout.size(workers: 1) else {
            throw Fault(
                .invalid, "\(memory.size) bytes were given to an engine",
                remedy: "do not run `canopy engine`: a node starts it by itself")
        }
        let frames = try SharedMemory(adopting: frames, isWritable: false)
        let beats = WorkerThread { beat(memory) }
        defer { beats?.join() }
        do throws(Fault) {
            let order = try order(memory)
            if isProcess { canopy_confine_start(UInt64(order.memoryLimit)) }
            let runner = try load(order, time: time)
            try write(runner.plan, to: memory)
            if isProcess { confine() }
            memory.word(at: ChannelLayout.phase).set(EnginePhase.serving.rawValue)
            ChildWorkers(order, runner, memory: memory, frames: frames, time: time).run()
        } catch {
            FaultRecord.write(error, to: memory.base + ChannelLayout.report)
            memory.word(at: ChannelLayout.phase).set(EnginePhase.failed.rawValue)
            memory.word(at: ChannelLayout.stop).set(1)
            throw error
        }
    }

    private static func order(_ memory: SharedMemory) throws(Fault) -> EngineOrder {
        let count = Int(memory.word(at: ChannelLayout.orderLength).value)
        let bytes = UnsafeRawBufferPointer(
            start: memory.base + ChannelLayout.order, count: min(count, ChannelLayout.orderRoom))
        let order = try EngineOrder(json: Array(bytes))
        guard memory.size >= ChannelLayout.size(workers: order.workers) else {
            throw TensorPlace.fault("\(order.workers) workers", "as many as there is room for")
        }
        return order
    }

    private static func load(
        _ order: EngineOrder, time: any TimeSource
    ) throws(Fault) -> OpenVINORunner {
        let settings = order.settings
        let core = try OpenVINOCore(try OpenVINOLibrary(explicit: settings.library))
        return try OpenVINOEngine.runner(
            try order.source(), on: order.hardware, core: core, settings: settings, time: time)
    }

    /// The ports as the model has them: the node finds out itself how they fit the bundle.
    private static func write(_ plan: ModelPlan, to memory: SharedMemory) throws(Fault) {
        let json = EngineReport(inputs: plan.ports.inputs, outputs: plan.ports.outputs).json
        // Read back, so that what the node would refuse is refused here, in the same words.
        _ = try EngineReport(json: json)
        guard json.count <= ChannelLayout.reportRoom else {
            throw TensorPlace.fault(
                "a report of \(json.count) bytes", "at most \(ChannelLayout.reportRoom)")
        }
        UnsafeMutableRawBufferPointer(
            start: memory.base + ChannelLayout.report, count: json.count
        ).copyBytes(from: json)
        memory.word(at: ChannelLayout.reportLength).set(UInt32(json.count))
    }

    private static func confine() {
        let status = canopy_confine_serving()
        guard status != 0 else { return }
        // It serves all the same: a kernel without filters is no reason to lose the camera.
        let cause = String(cString: strerror(-status))
        let line = "the engine is not confined: the kernel gives no filter (\(cause))\n"
        _ = line.withCString { Glibc.write(STDERR_FILENO, $0, strlen($0)) }
    }

    /// Shows that the process gets time to run.
    private static func beat(_ memory: SharedMemory) {
        let stop = memory.word(at: ChannelLayout.stop)
        let beat = memory.word(at: ChannelLayout.beat)
        while stop.value == 0 {
            beat.add(1)
            stop.wait(while: 0, atMost: Supervision.look)
        }
    }
}
