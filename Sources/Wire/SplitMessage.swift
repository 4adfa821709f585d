internal import Ground

/// A message in two parts: its raw contents as slices of what came, and all other fields in one
/// piece.
///
/// protobuf-c copies `bytes` fields; a frame's tensors are not copied but sliced. Writers put the
/// raw contents last, so the rest is normally a prefix of the message and is not copied either.
struct SplitMessage {
    /// The raw contents in their order.
    var raw: [Bytes] = []
    /// Every other field.
    var rest: Bytes

    init(
        _ bytes: Bytes, rawField: Int, _ what: StaticString, from source: Fault.Source
    ) throws(Fault) {
        var raw: [Bytes] = []
        var prefix: Int?
        var trailing: [Range<Int>] = []
        try bytes.withUnsafeBytes { (buffer) throws(Fault) in
            var scanner = FieldScanner(buffer, what, from: source)
            while let field = try scanner.next() {
                if field.number == rawField, field.wireType == 2 {
                    guard raw.count < WireLimits.tensors else {
                        throw excess(source, "raw contents", raw.count + 1, WireLimits.tensors)
                    }
                    prefix = prefix ?? field.start
                    raw.append(bytes[field.payload..<field.end])
                } else if prefix != nil {
                    if let last = trailing.last, last.upperBound == field.start {
                        trailing[trailing.count - 1] = last.lowerBound..<field.end
                    } else {
                        trailing.append(field.start..<field.end)
                    }
                }
            }
        }
        let head = bytes[0..<(prefix ?? bytes.count)]
        self.raw = raw
        rest = trailing.isEmpty ? head : concatenation([head] + trailing.map { bytes[$0] })
    }
}

/// The bytes of all `parts`, copied into one slab.
func concatenation(_ parts: [Bytes]) -> Bytes {
    let count = parts.reduce(0) { $0 + $1.count }
    let slab = Slab(capacity: count)
    var offset = 0
    for part in parts {
        part.withUnsafeBytes { raw in
            if let from = raw.baseAddress {
                (slab.base + offset).copyMemory(from: from, byteCount: raw.count)
            }
        }
        offset += part.count
    }
    return Bytes(slab: slab, start: 0, count: count)
}
