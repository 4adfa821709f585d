internal import Ground

/// An object's members, each read once by name and kind; what nobody read is a fault. No default is
/// guessed.
struct JSONMembers {
    /// File and path to the object, such as `preprocessing.json steps[1]`.
    let place: String
    private var members: [String: JSON]

    init(_ value: JSON, place: String) throws(Fault) {
        guard case .object(let members) = value else {
            throw Self.fault(place, value.kind, "an object")
        }
        self.place = place
        self.members = members
    }

    /// Parses a whole file whose top is an object that says `"version": 1`.
    init(file: String, bytes: [UInt8]) throws(Fault) {
        do throws(Fault) {
            try self.init(JSON(parsing: bytes, place: file), place: file)
        } catch {
            throw Fault(.corrupt, error.message, remedy: Self.remedy)
        }
        try expectVersion()
    }

    private mutating func expectVersion() throws(Fault) {
        let version = try integer("version", in: 0...Int(Int32.max))
        guard version == 1 else {
            throw Fault(
                .unsupported, "\(place): version is \(version); this build reads version 1",
                remedy: "update the node, or pack the bundle with an older tool")
        }
    }

    static func fault(_ place: String, _ found: String, _ expected: String) -> Fault {
        Fault(
            .corrupt, "\(place): \(found) where \(expected) was expected",
            remedy: remedy)
    }

    private static let remedy = "mend the file and pack the bundle again"

    private mutating func take<T>(
        _ name: String, _ expected: String, _ read: (JSON) -> T?
    ) throws(Fault) -> T {
        guard let value = members.removeValue(forKey: name) else {
            throw Self.fault(place, "no \"\(name)\"", expected)
        }
        guard let result = read(value) else {
            throw Self.fault("\(place) \"\(name)\"", value.kind, expected)
        }
        return result
    }

    func has(_ name: String) -> Bool { members[name] != nil }

    mutating func string(_ name: String) throws(Fault) -> String {
        try take(name, "a string") { if case .string(let text) = $0 { text } else { nil } }
    }

    /// One of the spellings of `Choice`.
    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, of type: Choice.Type
    ) throws(Fault) -> Choice where Choice.RawValue == String {
        let spellings = type.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        return try take(name, "one of \(spellings)") {
            if case .string(let text) = $0 { type.init(rawValue: text) } else { nil }
        }
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(Fault) -> Int {
        try take(name, "a whole number from \(range.lowerBound) to \(range.upperBound)") {
            Self.integer($0, in: range)
        }
    }

    mutating func number(
        _ name: String, _ expected: String, where holds: (Double) -> Bool
    ) throws(Fault) -> Double {
        try take(name, expected) {
            if let value = Self.number($0), holds(value) { value } else { nil }
        }
    }

    mutating func numbers(_ name: String) throws(Fault) -> [Double] {
        try take(name, "an array of numbers") { value in
            guard case .array(let values) = value else { return nil }
            let numbers = values.compactMap { Self.number($0) }
            return numbers.count == values.count ? numbers : nil
        }
    }

    mutating func integers(_ name: String, in range: ClosedRange<Int>) throws(Fault) -> [Int] {
        let expected = "an array of whole numbers from \(range.lowerBound) to \(range.upperBound)"
        return try take(name, expected) { value in
            guard case .array(let values) = value else { return nil }
            let numbers = values.compactMap { Self.integer($0, in: range) }
            return numbers.count == values.count ? numbers : nil
        }
    }

    mutating func array(_ name: String) throws(Fault) -> [JSON] {
        try take(name, "an array") { if case .array(let values) = $0 { values } else { nil } }
    }

    mutating func object(_ name: String) throws(Fault) -> JSONMembers {
        let value = try take(name, "an object") { $0 }
        return try JSONMembers(value, place: "\(place) \(name)")
    }

    /// Faults when a member is left that nobody read.
    func end() throws(Fault) {
        guard let name = members.keys.min() else { return }
        throw Self.fault(place, "the unknown key \"\(name)\"", "no such key")
    }

    private static func number(_ value: JSON) -> Double? {
        switch value {
        case .integer(let number): Double(number)
        case .real(let number): number
        default: nil
        }
    }

    /// A whole number, also when it is written as `1.0`.
    private static func integer(_ value: JSON, in range: ClosedRange<Int>) -> Int? {
        guard let number = number(value), let whole = Int(exactly: number) else { return nil }
        return range.contains(whole) ? whole : nil
    }
}
