internal import Ground

/// Header fields as bytes in one buffer, in the order they came. Names are lower-case.
struct HeaderBlock {
    private struct Field {
        var start: UInt32
        var name: UInt16
        var value: UInt32
    }
    private var bytes: [UInt8] = []
    private var fields: [Field] = []

    /// Bytes of all names and values.
    var size: Int { bytes.count }
    var count: Int { fields.count }

    mutating func reserve() {
        // A gRPC library's own headers and a trace context take about 300 bytes and eight fields.
        bytes.reserveCapacity(384)
        fields.reserveCapacity(10)
    }

    /// Empties the block and keeps its memory, unless that has grown past what is usual.
    mutating func removeAll() {
        let isUsual = bytes.capacity <= 2 << 10 && fields.capacity <= 64
        bytes.removeAll(keepingCapacity: isUsual)
        fields.removeAll(keepingCapacity: isUsual)
    }

    mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        fields.append(
            Field(
                start: UInt32(bytes.count), name: UInt16(clamping: name.count),
                value: UInt32(value.count)))
        bytes.append(contentsOf: name.prefix(Int(UInt16.max)))
        bytes.append(contentsOf: value)
    }

    /// Makes letters of the last name small: HTTP/1 does not care for case.
    mutating func lowerLastName() {
        guard let last = fields.last else { return }
        let start = Int(last.start)
        for index in start..<start + Int(last.name) where (0x41...0x5a).contains(bytes[index]) {
            bytes[index] |= 0x20
        }
    }

    /// The first value under `name`, which must be lower-case, or `nil`.
    func first(_ name: String) -> String? {
        var name = name
        return name.withUTF8 { wanted in
            bytes.withUnsafeBytes { all in
                for field in fields where Int(field.name) == wanted.count {
                    let start = Int(field.start)
                    let end = start + wanted.count
                    if equal(UnsafeRawBufferPointer(rebasing: all[start..<end]), wanted) {
                        return String(
                            decoding: all[end..<end + Int(field.value)], as: UTF8.self)
                    }
                }
                return nil
            }
        }
    }

    /// All fields, for forwarding and for tests.
    var all: [(name: String, value: String)] {
        fields.map { field in
            let end = Int(field.start) + Int(field.name)
            return (
                String(decoding: bytes[Int(field.start)..<end], as: UTF8.self),
                String(decoding: bytes[end..<end + Int(field.value)], as: UTF8.self)
            )
        }
    }

    private func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
        a.elementsEqual(b)
    }
}
