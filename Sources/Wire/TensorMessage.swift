internal import Ground

/// What a ModelInferRequest and a ModelInferResponse have in common, written field by field.
///
/// Every frame is written as one of them, and packing by protobuf-c first copies all of it into C
/// messages: that took a tenth of a small call's time. The bytes are the same, which tests hold
/// against other people's protobufs.
struct TensorMessage {
    var model: String
    var version: String
    var id: String
    var parameters: Parameters
    var tensors: [InferTensor]
    /// Outputs that a request asks for.
    var wanted: [InferRequest.Output] = []
    /// The field that carries each tensor's contents: 7 in a request, 6 in a response.
    var rawField: Int

    /// The message as slices to be sent one after the other, alone or as field `wrapper` of
    /// another. Small contents lie in the same slice as what is before them.
    func encode(wrapper: Int?) -> [Bytes] {
        let head = headSize
        var inner = head
        var room = head
        for tensor in tensors {
            let count = tensor.contents.count
            let prefix = 1 + varintLength(count)
            inner += prefix + count
            room += prefix + (count <= WireLimits.inlineContents ? count : 0)
        }
        if wrapper != nil { room += 1 + varintLength(inner) }
        var writer = SliceWriter(slab: Slab(capacity: room), parts: tensors.count)
        if let wrapper { writer.out.open(wrapper, inner) }
        writeHead(to: &writer.out)
        for tensor in tensors {
            writer.out.open(rawField, tensor.contents.count)
            writer.append(tensor.contents)
        }
        writer.flush()
        return writer.slices
    }

    /// Bytes of everything but the raw contents.
    private var headSize: Int {
        var size = FieldSize.text(model) + FieldSize.text(version) + FieldSize.text(id)
        size += parameters.encodedSize
        for tensor in tensors { size += FieldSize.block(tensor.encodedSize) }
        for output in wanted { size += FieldSize.block(output.encodedSize) }
        return size
    }

    private func writeHead(to out: inout FieldWriter) {
        out.text(1, model)
        out.text(2, version)
        out.text(3, id)
        parameters.write(4, to: &out)
        for tensor in tensors { out.nested(5) { tensor.write(to: &$0) } }
        for output in wanted {
            out.nested(6) {
                $0.text(1, output.name)
                output.parameters.write(2, to: &$0)
            }
        }
    }
}

extension InferTensor {
    fileprivate var shapeSize: Int { shape.reduce(0) { $0 + varintLength($1) } }

    /// Bytes of the tensor without its contents.
    fileprivate var encodedSize: Int {
        FieldSize.text(name) + FieldSize.text(datatype.rawValue)
            + (shape.isEmpty ? 0 : FieldSize.block(shapeSize)) + parameters.encodedSize
    }

    fileprivate func write(to out: inout FieldWriter) {
        out.text(1, name)
        out.text(2, datatype.rawValue)
        if !shape.isEmpty {
            out.nested(3) { out in
                for size in shape { out.varint(UInt64(bitPattern: Int64(size))) }
            }
        }
        parameters.write(4, to: &out)
    }
}

extension InferRequest.Output {
    fileprivate var encodedSize: Int { FieldSize.text(name) + parameters.encodedSize }
}

extension Parameters {
    /// Bytes of all entries with their tags, in a field of one-byte tags.
    fileprivate var encodedSize: Int {
        var size = 0
        for entry in entries { size += FieldSize.block(entry.encodedSize) }
        return size
    }

    fileprivate func write(_ field: Int, to out: inout FieldWriter) {
        for entry in entries {
            out.nested(field) { out in
                out.text(1, entry.name)
                out.nested(2) { entry.value.write(to: &$0) }
            }
        }
    }
}

extension Parameters.Entry {
    fileprivate var encodedSize: Int {
        FieldSize.text(name) + FieldSize.block(value.encodedSize)
    }
}

extension Parameters.Value {
    /// Bytes of an InferParameter; a choice is written even when it is zero or empty.
    fileprivate var encodedSize: Int {
        switch self {
        case .bool: 2
        case .int64(let value): 1 + varintLength(Int(value))
        case .uint64(let value): 1 + varintLength(Int(bitPattern: UInt(value)))
        case .double: 9
        case .string(let text): FieldSize.block(text.utf8.count)
        }
    }

    fileprivate func write(to out: inout FieldWriter) {
        switch self {
        case .bool(let value): out.number(1, value ? 1 : 0)
        case .int64(let value): out.number(2, UInt64(bitPattern: value))
        case .string(let text):
            out.open(3, text.utf8.count)
            out.bytes(of: text)
        case .double(let value): out.double(4, value)
        case .uint64(let value): out.number(5, value)
        }
    }
}

/// Slices of a message: what is written into one slab, and large contents as they are.
private struct SliceWriter {
    private let slab: Slab
    private(set) var slices: [Bytes] = []
    var out: FieldWriter
    private var begin = 0

    init(slab: Slab, parts: Int) {
        self.slab = slab
        out = FieldWriter(slab.base, capacity: slab.capacity)
        slices.reserveCapacity(parts == 0 ? 1 : 1 + parts)
    }

    mutating func append(_ part: Bytes) {
        guard part.count > WireLimits.inlineContents else {
            return part.withUnsafeBytes { out.bytes($0) }
        }
        flush()
        slices.append(part)
    }

    mutating func flush() {
        if out.count > begin {
            slices.append(Bytes(slab: slab, start: begin, count: out.count - begin))
        }
        begin = out.count
    }
}
