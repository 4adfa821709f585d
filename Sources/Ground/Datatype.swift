/// The type of a tensor's elements, named as the Open Inference Protocol names it.
public enum Datatype: String, Sendable, CaseIterable {
    case bool = "BOOL"
    case uint8 = "UINT8"
    case uint16 = "UINT16"
    case uint32 = "UINT32"
    case uint64 = "UINT64"
    case int8 = "INT8"
    case int16 = "INT16"
    case int32 = "INT32"
    case int64 = "INT64"
    case fp16 = "FP16"
    case bf16 = "BF16"
    case fp32 = "FP32"
    case fp64 = "FP64"
    /// Strings of bytes, each behind its length in four little-endian bytes.
    case bytes = "BYTES"

    /// Bytes that one element takes, or `nil` for `bytes`, whose elements differ.
    public var size: Int? {
        switch self {
        case .bool, .uint8, .int8: 1
        case .uint16, .int16, .fp16, .bf16: 2
        case .uint32, .int32, .fp32: 4
        case .uint64, .int64, .fp64: 8
        case .bytes: nil
        }
    }

    /// Every name, for messages.
    public static let names = allCases.map(\.rawValue).joined(separator: ", ")
}
