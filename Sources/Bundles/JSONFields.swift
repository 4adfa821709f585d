import Ground

/// An object's members, each read once by name and kind; what nobody read is a fault.
struct JSONFields {
    /// File and path to the object, such as `manifest layers[1]`.
    let place: String
    /// The code of faults about it: `.corrupt` in a bundle, `.invalid` in what a person wrote.
    let code: Fault.Code
    private var members: [String: JSON]

    init(_ value: JSON, place: String, code: Fault.Code) throws(Fault) {
        self.place = place
        self.code = code
        guard case .object(let members) = value else {
            throw Fault(code, "\(place): \(value.kind) where an object was expected")
        }
        self.members = members
    }

    /// Parses a whole text whose top is an object.
    init(parsing bytes: [UInt8], place: String, code: Fault.Code) throws(Fault) {
        do throws(Fault) {
            try self.init(JSON(parsing: bytes, place: place), place: place, code: code)
        } catch {
            throw Fault(code, error.message, remedy: error.remedy)
        }
    }

    func fault(_ name: String, _ found: String, _ expected: String) -> Fault {
        Fault(code, "\(place): “\(name)” is \(found), expected \(expected)")
    }

    private mutating func take<T>(
        _ name: String, _ expected: String, _ read: (JSON) -> T?
    ) throws(Fault) -> T? {
        guard let value = members.removeValue(forKey: name) else { return nil }
        guard let result = read(value) else { throw fault(name, value.kind, expected) }
        return result
    }

    private func required<T>(_ value: T?, _ name: String, _ expected: String) throws(Fault) -> T {
        guard let value else { throw fault(name, "missing", expected) }
        return value
    }

    mutating func optionalString(_ name: String) throws(Fault) -> String? {
        try take(name, "a text") { if case .string(let text) = $0 { text } else { nil } }
    }

    mutating func string(_ name: String) throws(Fault) -> String {
        try required(try optionalString(name), name, "a text")
    }

    mutating func constant(_ name: String, _ expected: String) throws(Fault) {
        let found = try string(name)
        guard found == expected else { throw fault(name, "“\(found)”", "“\(expected)”") }
    }

    mutating func optionalInteger(_ name: String, atLeast floor: Int) throws(Fault) -> Int? {
        try take(name, "a whole number from \(floor)") {
            if case .integer(let number) = $0, number >= floor { number } else { nil }
        }
    }

    mutating func integer(_ name: String, atLeast floor: Int) throws(Fault) -> Int {
        try required(
            try optionalInteger(name, atLeast: floor), name, "a whole number from \(floor)")
    }

    mutating func digest(_ name: String) throws(Fault) -> Digest {
        let text = try string(name)
        guard let digest = Digest(text) else {
            throw fault(name, "“\(text.prefix(80))”", "sha256: and 64 hexadecimal digits")
        }
        return digest
    }

    mutating func array(_ name: String) throws(Fault) -> [JSON] {
        let values = try take(name, "an array") {
            if case .array(let values) = $0 { values } else { nil }
        }
        return try required(values, name, "an array")
    }

    mutating func optionalStrings(_ name: String) throws(Fault) -> [String]? {
        try take(name, "an array of texts") { value in
            guard case .array(let values) = value else { return nil }
            let texts = values.compactMap { if case .string(let text) = $0 { text } else { nil } }
            return texts.count == values.count ? texts : nil
        }
    }

    mutating func strings(_ name: String) throws(Fault) -> [String] {
        try required(try optionalStrings(name), name, "an array of texts")
    }

    mutating func object(_ name: String) throws(Fault) -> JSONFields {
        let value = try required(try take(name, "an object") { $0 }, name, "an object")
        return try JSONFields(value, place: "\(place) \(name)", code: code)
    }

    /// Drops what is not ours to judge.
    mutating func ignoreRest() { members = [:] }

    /// Faults when a member is left that nobody read.
    func end() throws(Fault) {
        guard let name = members.keys.min() else { return }
        throw Fault(
            code, "\(place): nothing is known of “\(name)”",
            remedy: "take it out, or update this program")
    }
}
