internal import CProtobufC
internal import CWire
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

/// Puts a packed message and its raw contents together without copying large contents.
struct ScatteredMessage {
    /// The field that carries each of the contents: 1 to 15.
    var rawField: Int
    var contents: [Bytes]
    /// The field of an outer message that holds all of this, or `nil`.
    var wrapper: Int?

    /// Slices to be sent one after the other; small contents lie in the same slice as the head.
    func assemble(_ message: UnsafePointer<ProtobufCMessage>) -> [Bytes] {
        let packed = protobuf_c_message_get_packed_size(message)
        var inner = packed
        var room = packed
        for part in contents {
            let head = 1 + varintLength(part.count)
            inner += head + part.count
            room += head + (part.count <= WireLimits.inlineContents ? part.count : 0)
        }
        if wrapper != nil { room += 1 + varintLength(inner) }
        let slab = Slab(capacity: room)
        var writer = Writer(slab: slab, slices: [])
        writer.slices.reserveCapacity(1 + 2 * contents.count)
        if let wrapper { writer.head(wrapper, inner) }
        writer.end += protobuf_c_message_pack(
            message, (slab.base + writer.end).assumingMemoryBound(to: UInt8.self))
        for part in contents {
            writer.head(rawField, part.count)
            writer.append(part)
        }
        writer.flush()
        return writer.slices
    }

    private struct Writer {
        let slab: Slab
        var slices: [Bytes]
        var begin = 0
        var end = 0

        mutating func head(_ field: Int, _ length: Int) {
            slab.base.storeBytes(of: UInt8(field << 3 | 2), toByteOffset: end, as: UInt8.self)
            end += 1
            end += writeVarint(length, to: slab.base + end)
        }

        mutating func append(_ part: Bytes) {
            guard part.count > WireLimits.inlineContents else {
                part.withUnsafeBytes { raw in
                    guard let from = raw.baseAddress else { return }
                    (slab.base + end).copyMemory(from: from, byteCount: raw.count)
                }
                end += part.count
                return
            }
            flush()
            slices.append(part)
        }

        mutating func flush() {
            if end > begin { slices.append(Bytes(slab: slab, start: begin, count: end - begin)) }
            begin = end
        }
    }
}
