/// Named facts beside a request, a response or a tensor, in the order in which they came.
///
/// A short array: the few parameters of a frame are found faster by looking than by hashing.
public struct Parameters: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    /// A parameter's value, as the protocol types it.
    public enum Value: Sendable, Equatable {
        case bool(Bool)
        case int64(Int64)
        case uint64(UInt64)
        case double(Double)
        case string(String)
    }

    /// One parameter.
    public struct Entry: Sendable, Equatable {
        public var name: String
        public var value: Value

        public init(name: String, value: Value) {
            self.name = name
            self.value = value
        }
    }

    /// Every parameter; no name comes twice.
    public private(set) var entries: [Entry] = []

    public init() {}

    public init(dictionaryLiteral elements: (String, Value)...) {
        for (name, value) in elements { self[name] = value }
    }

    public var isEmpty: Bool { entries.isEmpty }
    public var count: Int { entries.count }

    /// The value under `name`. Setting replaces in place or appends; `nil` removes.
    public subscript(name: String) -> Value? {
        get { entries.first { $0.name == name }?.value }
        set {
            let index = entries.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): entries[index].value = value
            case (let index?, nil): entries.remove(at: index)
            case (nil, let value?): entries.append(Entry(name: name, value: value))
            case (nil, nil): break
            }
        }
    }

    /// The truth value under `name`, or `nil` when there is none of that type.
    public func bool(_ name: String) -> Bool? {
        if case .bool(let value)? = self[name] { value } else { nil }
    }

    /// The whole number under `name`, signed or unsigned, where an `Int` holds it.
    public func integer(_ name: String) -> Int? {
        switch self[name] {
        case .int64(let value)?: Int(exactly: value)
        case .uint64(let value)?: Int(exactly: value)
        default: nil
        }
    }

    /// The number under `name`; a whole number counts too.
    public func number(_ name: String) -> Double? {
        switch self[name] {
        case .double(let value)?: value
        case .int64(let value)?: Double(value)
        case .uint64(let value)?: Double(value)
        default: nil
        }
    }

    /// The text under `name`, or `nil` when there is none of that type.
    public func string(_ name: String) -> String? {
        if case .string(let value)? = self[name] { value } else { nil }
    }

    /// Makes room for `count` parameters at once.
    public mutating func reserve(_ count: Int) { entries.reserveCapacity(count) }
}
