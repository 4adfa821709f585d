public import Ground

/// A verified bundle for a person's eyes, and for scripts.
public struct BundleInspection: Sendable {
    public let bundle: VerifiedBundle
    /// `accuracy` of evaluation.json, from 0 to 1.
    public let accuracy: Double?
    /// Items with calibration scores; `nil` when the bundle has none, and then no bar can be a
    /// risk.
    public let calibrationCount: Int?

    public init(_ bundle: VerifiedBundle) throws(Fault) {
        self.bundle = bundle
        accuracy = Self.accuracy(try Self.json("evaluation.json", bundle))
        calibrationCount = Self.count(try Self.json("calibration.json", bundle))
    }

    private static func json(
        _ name: String, _ bundle: VerifiedBundle
    ) throws(Fault) -> [String: JSON] {
        let limit = BundleFormat.smallFileLimit
        guard let bytes = try bundle.contents(of: name, limit: limit) else { return [:] }
        guard case .object(let members) = try JSON(parsing: bytes, place: name) else { return [:] }
        return members
    }

    private static func accuracy(_ evaluation: [String: JSON]) -> Double? {
        switch evaluation["accuracy"] {
        case .real(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }

    private static func count(_ calibration: [String: JSON]) -> Int? {
        guard case .object(let scores) = calibration["scores"],
            case .array(let items) = scores["correct"]
        else { return nil }
        return items.count
    }

    /// One fact a line.
    public var text: String {
        let manifest = bundle.manifest
        var rows: [(String, String)] = [
            ("name", manifest.name), ("version", manifest.version), ("id", "\(bundle.id)"),
            ("licences", manifest.licenses),
        ]
        if let description = bundle.configuration.description {
            rows.append(("description", description))
        }
        rows.append(("format", "\(bundle.configuration.format), \(bundle.configuration.precision)"))
        if let count = bundle.configuration.parameters { rows.append(("parameters", "\(count)")) }
        rows.append(("hardware", manifest.hardware.joined(separator: ", ")))
        rows.append(("memory", "\(manifest.memory) bytes"))
        if !manifest.optimization.isEmpty {
            rows.append(("optimization", manifest.optimization.joined(separator: " → ")))
        }
        if let teacher = manifest.teacher { rows.append(("teacher", "\(teacher)")) }
        if let bytes = manifest.fp32Bytes, let model = manifest.model {
            let share = Int((Double(model.size) / Double(bytes) * 100).rounded())
            rows.append(("model size", "\(model.size) bytes, \(share) % of FP32 (\(bytes) bytes)"))
        }
        if let accuracy { rows.append(("accuracy", "\(accuracy)")) }
        rows.append(
            (
                "calibration",
                calibrationCount.map { "n = \($0)" } ?? "none: its bar can be a number, not a risk"
            ))
        let lines = rows.map { Self.pad($0.0, 14) + Self.printable($0.1) }
        let files = manifest.files.map {
            "  " + Self.pad($0.name, 22) + Self.pad("\($0.size)", 12) + "\($0.digest)"
        }
        return (lines + ["files"] + files).joined(separator: "\n")
    }

    /// The same facts, and always the same members: what is not known is null.
    public var json: JSON {
        let manifest = bundle.manifest
        return .object([
            "id": .string("\(bundle.id)"),
            "name": .string(manifest.name),
            "version": .string(manifest.version),
            "licenses": .string(manifest.licenses),
            "description": Self.text(bundle.configuration.description),
            "format": .string(bundle.configuration.format),
            "precision": .string(bundle.configuration.precision),
            "parameters": Self.number(bundle.configuration.parameters),
            "hardware": .array(manifest.hardware.map { .string($0) }),
            "memory": .integer(manifest.memory),
            "optimization": .array(manifest.optimization.map { .string($0) }),
            "teacher": Self.text(manifest.teacher?.description),
            "fp32_bytes": Self.number(manifest.fp32Bytes),
            "accuracy": accuracy.map { .real($0) } ?? .null,
            "calibration_items": Self.number(calibrationCount),
            "files": .array(
                manifest.files.map {
                    .object([
                        "name": .string($0.name), "size": .integer($0.size),
                        "digest": .string("\($0.digest)"), "media_type": .string($0.mediaType),
                    ])
                }),
        ])
    }

    private static func text(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
    private static func number(_ number: Int?) -> JSON { number.map { .integer($0) } ?? .null }

    /// A bundle's maker chose these texts: no control character of theirs reaches a terminal.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: "·"
                    default: scalar
                    }
                }))
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
