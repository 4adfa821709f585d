internal import COpenVINO
internal import Glibc
internal import Ground

/// OpenVINO's core: devices and their plug-ins.
final class OpenVINOCore: @unchecked Sendable {
    let library: OpenVINOLibrary
    let handle: OpaquePointer

    init(_ library: OpenVINOLibrary) throws(Fault) {
        self.library = library
        var core: OpaquePointer?
        try library.check(
            library.functions.create_core(&core), .unavailable, "starting OpenVINO")
        guard let core else { throw Fault(.unavailable, "OpenVINO gave no core") }
        handle = core
    }

    deinit { library.functions.free_core(handle) }
}

/// A model compiled for a device: what requests are made of.
final class OpenVINOCompiled: @unchecked Sendable {
    let core: OpenVINOCore
    let handle: OpaquePointer
    /// The model's inputs and outputs, in its order.
    let inputs: [TensorSpecification]
    let outputs: [TensorSpecification]

    /// Reads and compiles. Blocks, a few ms to seconds.
    ///
    /// - Throws: `.corrupt` when the model cannot be read or compiled, `.unsupported` when it takes
    ///   or gives text.
    init(
        _ core: OpenVINOCore, _ source: ModelSource, device: String,
        properties: [(key: String, value: String)]
    ) throws(Fault) {
        self.core = core
        let library = core.library
        let functions = library.functions
        let model = try Self.read(core, source)
        defer { functions.free_model(model) }
        var compiled: OpaquePointer?
        let status = withProperties(properties) { list in
            withUnsafePointer(to: functions) {
                canopy_ov_compile(
                    $0, core.handle, model, device, list.baseAddress!, list.count, &compiled)
            }
        }
        try library.check(status, .corrupt, "compiling \(source.id.short) for \(device)")
        guard let compiled else { throw Fault(.inner, "OpenVINO gave no compiled model") }
        do throws(Fault) {
            inputs = try Self.ports(
                library, compiled, functions.count_inputs, functions.input, "input")
            outputs = try Self.ports(
                library, compiled, functions.count_outputs, functions.output, "output")
        } catch {
            functions.free_compiled(compiled)
            throw error
        }
        handle = compiled
    }

    deinit { core.library.functions.free_compiled(handle) }

    private static func read(_ core: OpenVINOCore, _ source: ModelSource) throws(Fault)
        -> OpaquePointer
    {
        var model: OpaquePointer?
        let library = core.library
        let name = try ReadableName(source)
        let status = withExtendedLifetime(name) {
            library.functions.read_model(core.handle, name.path, source.weightsPath, &model)
        }
        try library.check(
            status, .corrupt, "reading \(source.format.rawValue) of \(source.id.short)")
        guard let model else { throw Fault(.inner, "OpenVINO gave no model") }
        return model
    }

    private typealias Count = (OpaquePointer, UnsafeMutablePointer<Int>) -> canopy_ov_status
    private typealias Port =
        (OpaquePointer, Int, UnsafeMutablePointer<OpaquePointer?>) -> canopy_ov_status

    private static func ports(
        _ library: OpenVINOLibrary, _ compiled: OpaquePointer, _ count: Count, _ port: Port,
        _ kind: String
    ) throws(Fault) -> [TensorSpecification] {
        var total = 0
        try library.check(count(compiled, &total), .inner, "counting the \(kind)s")
        var result: [TensorSpecification] = []
        for index in 0..<total {
            var handle: OpaquePointer?
            try library.check(port(compiled, index, &handle), .inner, "asking \(kind) \(index)")
            guard let handle else { throw Fault(.inner, "OpenVINO gave no \(kind) \(index)") }
            defer { library.functions.free_port(handle) }
            result.append(try specification(library, handle, otherwise: "\(kind)\(index)"))
        }
        return result
    }

    private static func specification(
        _ library: OpenVINOLibrary, _ port: OpaquePointer, otherwise: String
    ) throws(Fault) -> TensorSpecification {
        let functions = library.functions
        var text: UnsafeMutablePointer<CChar>?
        var name = otherwise
        // A port without a name is no error: it gets its number.
        if functions.port_name(port, &text) == 0, let text { name = String(cString: text) }
        functions.free_text(text)
        var number: CInt = 0
        try library.check(functions.port_type(port, &number), .inner, "asking the type of \(name)")
        guard let type = Datatype.allCases.first(where: { $0.openVINO == number }) else {
            throw Fault(
                .unsupported, "\"\(name)\" has OpenVINO's element type \(number)",
                remedy: "export the model with numbers of at least 8 bits")
        }
        var shape = canopy_ov_partial_shape()
        try library.check(functions.port_shape(port, &shape), .inner, "asking the shape of \(name)")
        defer { functions.free_partial_shape(&shape) }
        guard shape.rank.min == shape.rank.max, let dimensions = shape.dimensions else {
            if shape.rank.min == 0, shape.rank.max == 0 {
                return TensorSpecification(name: name, type: type, shape: [])
            }
            throw Fault(
                .unsupported, "\"\(name)\" has no fixed number of axes",
                remedy: "export the model with static shapes")
        }
        let axes = (0..<Int(shape.rank.max)).map { axis in
            let range = dimensions[axis]
            return range.min == range.max ? Int(range.max) : -1
        }
        return TensorSpecification(name: name, type: type, shape: axes)
    }
}

/// A path that ends as the format wants: the TFLite reader goes by the name, and blobs have none.
private final class ReadableName {
    let path: String
    private let folder: String?

    init(_ source: ModelSource) throws(Fault) {
        guard source.format == .tflite, !source.modelPath.hasSuffix(".tflite") else {
            path = source.modelPath
            folder = nil
            return
        }
        let temporary = Self.temporaryFolder
        var template = Array("\(temporary)/canopy-model-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Fault(
                .unavailable,
                "no folder could be made in \(temporary): \(String(cString: strerror(errno)))",
                remedy: "make room there, or name another folder in TMPDIR")
        }
        let made = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        folder = made
        path = "\(made)/model.tflite"
        guard let target = realpath(source.modelPath, nil) else {
            throw Fault(
                .notFound, "\(source.modelPath) is not there", remedy: "import the bundle again")
        }
        defer { free(target) }
        guard symlink(target, path) == 0 else {
            throw Fault(
                .unavailable, "\(path) could not be made",
                remedy: "make room there, or name another folder in TMPDIR")
        }
    }

    /// As POSIX has it: what TMPDIR names, or /tmp.
    private static var temporaryFolder: String {
        let named = getenv("TMPDIR").map { String(cString: $0) } ?? ""
        return named.isEmpty ? "/tmp" : named
    }

    deinit {
        guard let folder else { return }
        unlink(path)
        rmdir(folder)
    }
}

/// Gives C strings of `properties` to `body`.
private func withProperties<R>(
    _ properties: [(key: String, value: String)],
    _ body: (UnsafeBufferPointer<canopy_ov_property>) -> R
) -> R {
    let texts = properties.map { (strdup($0.key)!, strdup($0.value)!) }
    defer {
        for (key, value) in texts {
            free(key)
            free(value)
        }
    }
    let list = texts.map { canopy_ov_property(key: $0.0, value: $0.1) }
    return list.withUnsafeBufferPointer(body)
}
