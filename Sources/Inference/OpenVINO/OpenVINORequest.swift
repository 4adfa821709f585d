internal import COpenVINO
internal import Ground

/// One inference at a time: its bound inputs and its outputs. Belongs to one worker.
final class OpenVINORequest: ModelOutputs {
    /// Memory that an input is prepared in, or an output is found in, frame after frame.
    private struct Room {
        let memory: UnsafeMutableRawBufferPointer
        let tensor: OpaquePointer
        let shape: [Int]
    }

    private let model: OpenVINOCompiled
    private let handle: OpaquePointer
    private var rooms: [Room?]
    /// Where each output is after an inference; `nil` where its shape is known only then. Bound
    /// once: asking the runtime for an output costs three calls a frame.
    private var results: [Room?] = []
    /// Inputs that are bound to their room now.
    private var isOwn: [Bool]

    private var library: OpenVINOLibrary { model.core.library }
    private var functions: canopy_ov_functions { library.functions }

    init(_ model: OpenVINOCompiled) throws(Fault) {
        self.model = model
        rooms = Array(repeating: nil, count: model.inputs.count)
        isOwn = Array(repeating: false, count: model.inputs.count)
        var request: OpaquePointer?
        let library = model.core.library
        try library.check(
            library.functions.create_request(model.handle, &request), .unavailable,
            "making an infer request")
        guard let request else { throw Fault(.inner, "OpenVINO gave no request") }
        handle = request
        for (index, output) in model.outputs.enumerated() {
            results.append(output.isStatic ? try makeResult(index, output) : nil)
        }
    }

    deinit {
        functions.free_request(handle)
        for room in rooms + results { release(room) }
    }

    /// Memory for input `index` in `shape`, bound to it; the same each time while the shape stays.
    func room(input index: Int, shape: [Int]) throws(Fault) -> UnsafeMutableRawBufferPointer {
        if let room = rooms[index], room.shape == shape {
            if !isOwn[index] { try bind(index, room.tensor) }
            isOwn[index] = true
            return room.memory
        }
        let room = try makeRoom(model.inputs[index], shape)
        release(rooms[index])
        rooms[index] = room
        try bind(index, room.tensor)
        isOwn[index] = true
        return room.memory
    }

    private func makeResult(
        _ index: Int, _ output: TensorSpecification
    ) throws(Fault) -> Room {
        let room = try makeRoom(output, output.shape)
        do throws(Fault) {
            try library.check(
                functions.set_output(handle, index, room.tensor), .inner, "binding output \(index)")
        } catch {
            release(room)
            throw error
        }
        return room
    }

    private func makeRoom(_ port: TensorSpecification, _ shape: [Int]) throws(Fault) -> Room {
        guard let count = elementCount(shape), let size = port.type.size else {
            throw Fault(.inner, "\"\(port.name)\" has no size in shape \(shape)")
        }
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: count * size, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        do throws(Fault) {
            let tensor = try wrap(port, shape, UnsafeRawPointer(memory.baseAddress!))
            return Room(memory: memory, tensor: tensor, shape: shape)
        } catch {
            memory.deallocate()
            throw error
        }
    }

    /// Lets input `index` read `bytes` where they are. They must live until `infer` has returned.
    func borrow(
        _ bytes: UnsafeRawBufferPointer, input index: Int, shape: [Int]
    ) throws(Fault) {
        guard let base = bytes.baseAddress else { throw Fault(.inner, "input \(index) is nowhere") }
        let tensor = try wrap(model.inputs[index], shape, base)
        defer { functions.free_tensor(tensor) }
        isOwn[index] = false
        try bind(index, tensor)
    }

    /// Runs the model on this thread.
    func infer() throws(Fault) {
        try library.check(functions.infer(handle), .unavailable, "the inference")
    }

    func output<R>(
        _ index: Int, _ body: ([Int], UnsafeRawBufferPointer) throws(Fault) -> R
    ) throws(Fault) -> R {
        if let room = results[index] {
            return try body(room.shape, UnsafeRawBufferPointer(room.memory))
        }
        var tensor: OpaquePointer?
        try library.check(
            functions.get_output(handle, index, &tensor), .inner, "getting output \(index)")
        guard let tensor else { throw Fault(.inner, "OpenVINO gave no output \(index)") }
        defer { functions.free_tensor(tensor) }
        var size = 0
        var data: UnsafeMutableRawPointer?
        try library.check(
            functions.tensor_size(tensor, &size), .inner, "asking the size of output \(index)")
        try library.check(
            functions.tensor_data(tensor, &data), .inner, "asking for output \(index)")
        return try body(
            try shape(of: tensor, index), UnsafeRawBufferPointer(start: data, count: size))
    }

    private func shape(of tensor: OpaquePointer, _ index: Int) throws(Fault) -> [Int] {
        var shape = canopy_ov_shape()
        try library.check(
            functions.tensor_shape(tensor, &shape), .inner, "asking the shape of output \(index)")
        defer { functions.free_shape(&shape) }
        guard let dimensions = shape.dimensions else { return [] }
        return (0..<Int(shape.rank)).map { Int(dimensions[$0]) }
    }

    private func wrap(
        _ port: TensorSpecification, _ shape: [Int], _ base: UnsafeRawPointer
    ) throws(Fault) -> OpaquePointer {
        guard let type = port.type.openVINO else {
            throw Fault(
                .unsupported, "\"\(port.name)\" takes or gives text", remedy: "use another model")
        }
        var axes = shape.map(Int64.init)
        var tensor: OpaquePointer?
        let status = axes.withUnsafeMutableBufferPointer {
            functions.wrap_tensor(
                CInt(type), canopy_ov_shape(rank: Int64($0.count), dimensions: $0.baseAddress),
                UnsafeMutableRawPointer(mutating: base), &tensor)
        }
        try library.check(status, .inner, "wrapping \"\(port.name)\"")
        guard let tensor else { throw Fault(.inner, "OpenVINO gave no tensor") }
        return tensor
    }

    private func bind(_ index: Int, _ tensor: OpaquePointer) throws(Fault) {
        try library.check(
            functions.set_input(handle, index, tensor), .invalid, "binding input \(index)")
    }

    private func release(_ room: Room?) {
        guard let room else { return }
        functions.free_tensor(room.tensor)
        room.memory.deallocate()
    }
}
