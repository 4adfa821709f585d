package import Ground

/// The ModelPack configuration of a bundle: what other tools of that format read.
public struct BundleConfiguration: Equatable, Sendable {
    /// `onnx`, `tflite` or `openvino`.
    public let format: String
    /// Such as `int8` or `fp32`.
    public let precision: String
    public let description: String?
    /// Number of the model's parameters.
    public let parameters: Int?

    init(about: BundleAbout, format: String) {
        self.format = format
        precision = about.precision
        description = about.description
        parameters = about.parameters
    }

    /// Reads a configuration; a fault when it says otherwise than the manifest.
    package init(parsing bytes: [UInt8], of manifest: BundleManifest, place: String) throws(Fault) {
        var fields = try JSONFields(parsing: bytes, place: place, code: .corrupt)
        var descriptor = try fields.object("descriptor")
        try descriptor.constant("name", manifest.name)
        try descriptor.constant("version", manifest.version)
        guard try descriptor.strings("licenses") == [manifest.licenses] else {
            throw Fault(.corrupt, "\(place): the licences are not the manifest's")
        }
        description = try descriptor.optionalString("description")
        try descriptor.end()
        var config = try fields.object("config")
        format = try config.string("format")
        precision = try config.string("precision")
        if let text = try config.optionalString("paramSize") {
            guard let number = Int(text), number > 0 else {
                throw Fault(.corrupt, "\(place): “paramSize” is “\(text.prefix(40))”, no number")
            }
            parameters = number
        } else {
            parameters = nil
        }
        try config.end()
        var layers = try fields.object("modelfs")
        try layers.constant("type", "layers")
        let digests = try layers.strings("diffIds")
        try layers.end()
        try fields.end()
        guard digests.sorted() == manifest.files.map(\.digest.description).sorted() else {
            throw Fault(
                .corrupt, "\(place): “diffIds” are not the digests of the manifest's layers")
        }
    }

    /// Canonical bytes.
    func encoded(of about: BundleAbout, files: [BundleManifest.File]) -> [UInt8] {
        var descriptor: [String: JSON] = [
            "name": .string(about.name), "version": .string(about.version),
            "licenses": .array([.string(about.licenses)]),
        ]
        if let description { descriptor["description"] = .string(description) }
        var config: [String: JSON] = ["format": .string(format), "precision": .string(precision)]
        if let parameters { config["paramSize"] = .string(String(parameters)) }
        return JSON.object([
            "descriptor": .object(descriptor),
            "config": .object(config),
            "modelfs": .object([
                "type": .string("layers"),
                "diffIds": .array(files.map { .string($0.digest.description) }),
            ]),
        ]).canonical
    }
}
