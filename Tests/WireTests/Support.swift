import Glibc
import Ground
import Testing

@testable import Wire

/// The bytes of a golden message, written by other people's protobufs: see
/// Tests/Golden/wire/make.py.
func golden(_ name: String, file: StaticString = #filePath) throws -> Bytes {
    let here = "\(file)".split(separator: "/").dropLast(2).joined(separator: "/")
    let path = "/\(here)/Golden/wire/\(name).bin"
    let stream = try #require(fopen(path, "rb"), "no golden file at \(path)")
    defer { fclose(stream) }
    var bytes = [UInt8](repeating: 0, count: 64 * 1024)
    let count = fread(&bytes, 1, bytes.count, stream)
    return Bytes(Array(bytes[..<count]))
}

/// All slices as one array.
func joined(_ slices: [Bytes]) -> [UInt8] { slices.flatMap(\.array) }

/// A message put through its own coding.
func again<M: WireMessage>(_ message: M) throws -> M {
    try M.decode(Bytes(joined(message.encode())))
}

/// The fault that `body` throws, or a failed test.
func fault<R>(
    _ body: () throws -> R, sourceLocation: SourceLocation = #_sourceLocation
) throws -> Fault {
    do {
        _ = try body()
    } catch let fault as Fault {
        return fault
    }
    Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    throw Fault(.inner, "nothing was thrown")
}

/// Little-endian bytes of `values`.
func little<T>(_ values: T...) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

/// A protobuf field of wire type 2.
func field(_ number: Int, _ payload: [UInt8]) -> [UInt8] {
    var head = [UInt8](repeating: 0, count: 11)
    let count = head.withUnsafeMutableBytes { room in
        var writer = FieldWriter(room.baseAddress!, capacity: room.count)
        writer.open(number, payload.count)
        return writer.count
    }
    return head[..<count] + payload
}
