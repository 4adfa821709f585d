internal import Ground

/// What a node tells an isolated engine to run.
struct EngineOrder: Equatable {
    var id: Digest
    var format: ModelFormat
    var modelPath: String
    var weightsPath: String
    var preprocessing: [UInt8]
    /// The hardware class.
    var hardware: String
    var workers: Int
    var threadsPerWorker: Int
    var pixelLimit: Int
    var idle: Interval
    var cacheFolder: String
    var library: String
    /// Bytes of private memory at most.
    var memoryLimit: Int

    /// Beside what the bundle says that its model needs: the runtime's code and its threads' stacks
    /// are some hundred megabytes of address space. A model that needs twice what it said is
    /// stopped; one that leaks is stopped here too.
    static let runtimeMemory = 2 << 30

    init(_ source: ModelSource, hardware: String, settings: EngineSettings) {
        id = source.id
        format = source.format
        modelPath = source.modelPath
        weightsPath = source.weightsPath ?? ""
        preprocessing = source.preprocessingFile
        self.hardware = hardware
        workers = settings.workers
        threadsPerWorker = settings.threadsPerWorker
        pixelLimit = settings.pixelLimit
        idle = settings.idle
        cacheFolder = settings.cacheFolder ?? ""
        library = settings.library ?? ""
        memoryLimit = 2 * source.memory + Self.runtimeMemory
    }

    var json: [UInt8] {
        JSON.object([
            "version": .integer(1), "id": .string(id.description),
            "format": .string(format.rawValue), "model": .string(modelPath),
            "weights": .string(weightsPath),
            "preprocessing": .string(String(decoding: preprocessing, as: UTF8.self)),
            "hardware": .string(hardware), "workers": .integer(workers),
            "threads": .integer(threadsPerWorker), "pixels": .integer(pixelLimit),
            "idle": .integer(Int(idle.nanoseconds)), "cache": .string(cacheFolder),
            "library": .string(library), "memory": .integer(memoryLimit),
        ]).canonical
    }

    init(json bytes: [UInt8]) throws(Fault) {
        var members = try JSONMembers(file: "the engine's order", bytes: bytes)
        guard let id = Digest(try members.string("id")) else {
            throw JSONMembers.fault("the engine's order", "no digest", "the bundle's id")
        }
        self.id = id
        format = try members.choice("format", of: ModelFormat.self)
        modelPath = try members.string("model")
        weightsPath = try members.string("weights")
        preprocessing = Array(try members.string("preprocessing").utf8)
        hardware = try members.string("hardware")
        workers = try members.integer("workers", in: 1...1024)
        threadsPerWorker = try members.integer("threads", in: 1...1024)
        pixelLimit = try members.integer("pixels", in: 1...Int.max)
        idle = .nanoseconds(Int64(try members.integer("idle", in: 0...Int.max)))
        cacheFolder = try members.string("cache")
        library = try members.string("library")
        memoryLimit = try members.integer("memory", in: 0...Int.max)
        try members.end()
    }

    func source() throws(Fault) -> ModelSource {
        try ModelSource(
            id: id, format: format, modelPath: modelPath,
            weightsPath: weightsPath.isEmpty ? nil : weightsPath, preprocessingFile: preprocessing)
    }

    /// What the engine's own runtime is set up by.
    var settings: EngineSettings {
        var settings = EngineSettings(
            workers: workers, memoryBudget: .max, hardware: [hardware],
            threadsPerWorker: threadsPerWorker,
            cacheFolder: cacheFolder.isEmpty ? nil : cacheFolder, pixelLimit: pixelLimit,
            library: library.isEmpty ? nil : library)
        settings.idle = idle
        return settings
    }
}

/// What an isolated engine found in its model.
struct EngineReport: Equatable {
    var inputs: [TensorSpecification]
    var outputs: [TensorSpecification]

    init(inputs: [TensorSpecification], outputs: [TensorSpecification]) {
        self.inputs = inputs
        self.outputs = outputs
    }

    var json: [UInt8] {
        func list(_ ports: [TensorSpecification]) -> JSON {
            .array(
                ports.map {
                    .object([
                        "name": .string($0.name), "type": .string($0.type.rawValue),
                        "shape": .array($0.shape.map { .integer($0) }),
                    ])
                })
        }
        return JSON.object([
            "version": .integer(1), "inputs": list(inputs), "outputs": list(outputs),
        ]).canonical
    }

    init(json bytes: [UInt8]) throws(Fault) {
        var members = try JSONMembers(file: "the engine's report", bytes: bytes)
        inputs = try Self.ports(try members.array("inputs"), "inputs")
        outputs = try Self.ports(try members.array("outputs"), "outputs")
        try members.end()
    }

    private static func ports(
        _ values: [JSON], _ name: String
    ) throws(Fault) -> [TensorSpecification] {
        let place = "the engine's report \(name)"
        guard values.count <= ChannelLayout.mostTensors else {
            throw Fault(
                .unsupported,
                "the model has \(values.count) \(name); an isolated engine takes at most "
                    + "\(ChannelLayout.mostTensors)",
                remedy: "run it in the node's process (`engine: in-process`)")
        }
        var ports: [TensorSpecification] = []
        for value in values {
            var members = try JSONMembers(value, place: place)
            let axes = try members.integers("shape", in: -1...Int(Int32.max))
            guard axes.count <= ChannelLayout.mostAxes else {
                throw Fault(
                    .unsupported,
                    "\(place): a tensor of \(axes.count) axes; an isolated engine takes at most "
                        + "\(ChannelLayout.mostAxes)",
                    remedy: "run it in the node's process (`engine: in-process`)")
            }
            ports.append(
                TensorSpecification(
                    name: try members.string("name"),
                    type: try members.choice("type", of: Datatype.self), shape: axes))
            try members.end()
        }
        return ports
    }
}
