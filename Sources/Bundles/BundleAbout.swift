package import Ground

/// What `bundle.json` in a source folder says.
package struct BundleAbout {
    var name: String
    var version: String
    var licenses: String
    var description: String?
    var hardware: [String]
    var memory: Int
    var optimization: [String]
    /// The name of a bundle beside the output, or an id.
    var teacher: String?
    var fp32Bytes: Int?
    var precision: String
    var parameters: Int?

    static let fileName = "bundle.json"

    package init(parsing bytes: [UInt8], place: String) throws(Fault) {
        var fields = try JSONFields(parsing: bytes, place: place, code: .invalid)
        name = try fields.string("name")
        version = try fields.string("version")
        licenses = try fields.string("licenses")
        description = Self.filled(try fields.optionalString("description"))
        hardware = try fields.strings("hardware")
        memory = try fields.integer("memory", atLeast: 1)
        optimization = try fields.optionalStrings("optimization") ?? []
        teacher = Self.filled(try fields.optionalString("teacher"))
        fp32Bytes = Self.positive(try fields.optionalInteger("fp32_bytes", atLeast: 0))
        precision = try fields.string("precision")
        parameters = Self.positive(try fields.optionalInteger("parameters", atLeast: 0))
        try fields.end()
        try Self.check(
            name: name, version: version, licenses: licenses, hardware: hardware,
            optimization: optimization, place: place, code: .invalid)
    }

    init(
        name: String, version: String, licenses: String, description: String?, hardware: [String],
        memory: Int, precision: String, place: String
    ) throws(Fault) {
        self.name = name
        self.version = version
        self.licenses = licenses
        self.description = description
        self.hardware = hardware
        self.memory = memory
        optimization = []
        self.precision = precision
        try Self.check(
            name: name, version: version, licenses: licenses, hardware: hardware,
            optimization: [], place: place, code: .invalid)
        guard memory > 0 else {
            throw Fault(.invalid, "\(place): memory is \(memory), not above 0")
        }
    }

    /// The file's text.
    func encoded() -> [UInt8] {
        var members: [String: JSON] = [
            "name": .string(name), "version": .string(version), "licenses": .string(licenses),
            "hardware": .array(hardware.map { .string($0) }), "memory": .integer(memory),
            "optimization": .array(optimization.map { .string($0) }),
            "precision": .string(precision),
        ]
        if let description { members["description"] = .string(description) }
        if let teacher { members["teacher"] = .string(teacher) }
        if let fp32Bytes { members["fp32_bytes"] = .integer(fp32Bytes) }
        if let parameters { members["parameters"] = .integer(parameters) }
        return JSON.object(members).canonical + [0x0A]
    }

    private static func filled(_ text: String?) -> String? { text == "" ? nil : text }
    private static func positive(_ number: Int?) -> Int? { number == 0 ? nil : number }

    /// What must hold in `bundle.json` and in a manifest alike.
    static func check(
        name: String, version: String, licenses: String, hardware: [String],
        optimization: [String], place: String, code: Fault.Code
    ) throws(Fault) {
        guard BundleFormat.isPlainName(name) else {
            throw Fault(
                code, "\(place): the name “\(name.prefix(80))” cannot be a bundle's",
                remedy: "use 1 to 128 letters, digits, dots, dashes and underscores")
        }
        guard BundleFormat.isSemanticVersion(version) else {
            throw Fault(
                code, "\(place): the version “\(version.prefix(80))” is no semantic version",
                remedy: "write it as 1.0.0")
        }
        guard (1...256).contains(licenses.utf8.count),
            licenses.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else {
            throw Fault(
                code, "\(place): the licences are no SPDX expression of 1 to 256 characters",
                remedy: "write it as MIT or Apache-2.0 OR MIT")
        }
        guard !hardware.isEmpty else {
            throw Fault(code, "\(place): no hardware class is named", remedy: "name one, as cpu")
        }
        for word in hardware + optimization where !BundleFormat.isPlainName(word) {
            throw Fault(
                code, "\(place): “\(word.prefix(80))” is no hardware class or optimization",
                remedy: "use letters, digits, dots, dashes and underscores")
        }
    }
}
