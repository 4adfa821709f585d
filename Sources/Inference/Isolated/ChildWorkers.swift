internal import Ground

/// The workers of an isolated engine, each at its slot of the shared memory.
final class ChildWorkers: SlabOwner {
    private let order: EngineOrder
    private let runner: OpenVINORunner
    private let memory: SharedMemory
    private let frames: SharedMemory
    private let time: any TimeSource

    /// How often a worker without work looks whether it is over, were its wake-up lost.
    private static let patience = Interval.seconds(1)

    init(
        _ order: EngineOrder, _ runner: OpenVINORunner, memory: SharedMemory,
        frames: SharedMemory, time: any TimeSource
    ) {
        self.order = order
        self.runner = runner
        self.memory = memory
        self.frames = frames
        self.time = time
    }

    /// Works until the node asks for the end.
    func run() {
        // A thread that has nothing to do costs some kilobytes; its model's memory comes with its
        // first request and goes when it idles.
        let threads = (0..<order.workers).map { worker in
            WorkerThread(yields: true) { self.work(worker) }
        }
        let stop = memory.word(at: ChannelLayout.stop)
        while stop.value == 0 { stop.wait(while: 0, atMost: Self.patience) }
        for worker in 0..<order.workers { request(worker).wake() }
        for thread in threads { thread?.join() }
    }

    /// The frames' memory is the node's.
    func reclaim(_ base: UnsafeMutableRawPointer, capacity: Int) {}

    private func request(_ worker: Int) -> SharedWord {
        memory.word(at: ChannelLayout.slot(worker) + ChannelLayout.request)
    }

    private func work(_ worker: Int) {
        let slot = memory.base + ChannelLayout.slot(worker)
        let request = request(worker)
        let response = memory.word(at: ChannelLayout.slot(worker) + ChannelLayout.response)
        let stop = memory.word(at: ChannelLayout.stop)
        var last: UInt32 = 0
        var since = time.now
        var isRested = true
        while true {
            let number = request.value
            if number != last {
                answer(worker, slot)
                response.set(number)
                (last, since, isRested) = (number, time.now, false)
            } else if stop.value != 0 {
                return
            } else {
                request.wait(while: last, atMost: Self.patience)
                guard !isRested, time.now - since > order.idle else { continue }
                rest(worker)
                isRested = true
            }
        }
    }

    /// Gives back what a worker keeps between requests; the first stays ready for the next frame.
    private func rest(_ worker: Int) {
        if worker > 0 { runner.release(worker: worker) }
        let room = ChannelLayout.answers(worker, of: order.workers)
        memory.punch(room..<room + ChannelLayout.answerRoom)
    }

    private func answer(_ worker: Int, _ slot: UnsafeMutableRawPointer) {
        var times = InferenceTimes()
        let words = slot + ChannelLayout.answer
        var isFault: Int64 = 0
        do throws(Fault) {
            let request = try runner.infer(try input(slot), worker: worker, times: &times)
            PlaceList.write(
                try copy(request, worker), to: slot + ChannelLayout.answerPlaces)
        } catch {
            isFault = 1
            FaultRecord.write(error, to: slot)
        }
        words.storeBytes(of: isFault, as: Int64.self)
        words.storeBytes(of: times.preprocess.nanoseconds, toByteOffset: 8, as: Int64.self)
        words.storeBytes(of: times.infer.nanoseconds, toByteOffset: 16, as: Int64.self)
    }

    /// The request's input, where it lies in the frames' memory.
    private func input(_ slot: UnsafeRawPointer) throws(Fault) -> InferenceInput {
        let job = slot + ChannelLayout.job
        let isImage = job.load(as: Int64.self) != 0
        let ports = runner.plan.signature.inputs
        let places = try PlaceList.read(
            job + 8, count: isImage ? 1 : ports.count, room: frames.size)
        let bytes = places.map { place in
            let slab = Slab(base: frames.base + place.offset, capacity: place.length, owner: self)
            return Bytes(slab: slab, start: 0, count: place.length)
        }
        if isImage { return .image(bytes[0]) }
        return .tensors(
            ports.indices.map { index in
                Tensor(
                    name: ports[index].name, type: ports[index].type, shape: places[index].shape,
                    bytes: bytes[index])
            })
    }

    /// Copies what the model gave into the worker's room.
    private func copy(
        _ request: OpenVINORequest, _ worker: Int
    ) throws(Fault) -> [TensorPlace] {
        let room = memory.base + ChannelLayout.answers(worker, of: order.workers)
        var places: [TensorPlace] = []
        var offset = 0
        for index in runner.plan.modelOutputs.indices {
            try request.output(index) { shape, bytes throws(Fault) in
                guard bytes.count <= ChannelLayout.answerRoom - offset else {
                    throw Fault(
                        .exhausted,
                        "the model gave more than \(ChannelLayout.answerRoom) bytes, which is the "
                            + "most that an isolated engine hands on",
                        remedy: "run the model in the node's process (`engine: in-process`)")
                }
                UnsafeMutableRawBufferPointer(start: room + offset, count: bytes.count)
                    .copyMemory(from: bytes)
                places.append(TensorPlace(offset: offset, length: bytes.count, shape: shape))
            }
            // Each on a line of its own; the room is a multiple of it.
            offset = min((offset + places[index].length + 63) & ~63, ChannelLayout.answerRoom)
        }
        return places
    }
}
