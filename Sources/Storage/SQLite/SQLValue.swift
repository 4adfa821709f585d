/// What a column of SQLite holds, or a statement is given.
public enum SQLValue: Equatable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])

    /// A whole number.
    public static func int(_ value: Int) -> SQLValue { .integer(Int64(value)) }

    /// The same 64 bits, signed: SQLite knows no other numbers. Order is kept below 2⁶³ only.
    public static func bits(_ value: UInt64) -> SQLValue { .integer(Int64(bitPattern: value)) }

    /// 0 or 1.
    public static func bool(_ value: Bool) -> SQLValue { .integer(value ? 1 : 0) }

    /// A text, or null where there is none.
    public static func text(orNull text: String?) -> SQLValue { text.map(SQLValue.text) ?? .null }
}
