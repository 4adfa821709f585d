internal import Ground

/// What a ModelInferRequest and a ModelInferResponse have in common, read and written field by
/// field.
///
/// Every frame is one of them, and packing by protobuf-c first copies all of it into C messages:
/// that took a tenth of a small call's time. The bytes are the same, which tests hold against other
/// people's protobufs.
struct TensorMessage {
    var model = ""
    var version = ""
    var id = ""
    var parameters = Parameters()
    var tensors: [InferTensor] = []
    /// Outputs that a request asks for.
    var wanted: [InferRequest.Output] = []

    /// The message as slices to be sent one after the other, alone or as field `wrapper` of
    /// another. Small contents lie in the same slice as what is before them.
    ///
    /// Nothing is counted as referred to once more: the parts are the caller's for the while.
    ///
    /// - Parameter rawField: the field that carries each tensor's contents: 7 in a request, 6 in a
    ///   response.
    static func encode(
        model: borrowing String, version: borrowing String, id: borrowing String,
        parameters: borrowing Parameters, tensors: borrowing [InferTensor],
        wanted: borrowing [InferRequest.Output] = [], rawField: Int, wrapper: Int?
    ) -> [Bytes] {
        var raw = 0
        var room = wrapper == nil ? 0 : FieldSize.mostOpening
        room += FieldSize.most(model) + FieldSize.most(version) + FieldSize.most(id)
        room += parameters.mostEncoded
        for index in tensors.indices {
            let count = tensors[index].contents.count
            raw += 1 + varintLength(count) + count
            room += tensors[index].mostEncoded + FieldSize.mostOpening
            if count <= WireLimits.inlineContents { room += count }
        }
        for index in wanted.indices { room += wanted[index].mostEncoded }
        var writer = SliceWriter(
            slab: Slab(capacity: room), parts: tensors.count,
            after: wrapper == nil ? 0 : FieldSize.mostOpening)
        writer.out.text(1, model)
        writer.out.text(2, version)
        writer.out.text(3, id)
        parameters.write(4, to: &writer.out)
        for index in tensors.indices {
            writer.out.nested(5) { tensors[index].write(to: &$0) }
        }
        for index in wanted.indices { writer.out.nested(6) { wanted[index].write(to: &$0) } }
        if let wrapper { writer.wrap(as: wrapper, with: raw) }
        for index in tensors.indices {
            writer.out.open(rawField, tensors[index].contents.count)
            writer.append(tensors[index].contents)
        }
        writer.flush()
        return writer.slices
    }
}

// What things take at most: reckoning exactly would walk every value once more.

extension InferTensor {
    fileprivate var mostEncoded: Int {
        FieldSize.mostOpening + FieldSize.most(name) + FieldSize.mostOpening
            + FieldSize.longestDatatype + FieldSize.mostOpening
            + shape.count * FieldSize.mostVarint + parameters.mostEncoded
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
    fileprivate var mostEncoded: Int {
        FieldSize.mostOpening + FieldSize.most(name) + parameters.mostEncoded
    }

    fileprivate func write(to out: inout FieldWriter) {
        out.text(1, name)
        parameters.write(2, to: &out)
    }
}

extension Parameters {
    fileprivate var mostEncoded: Int {
        entries.withUnsafeBufferPointer { entries in
            var size = 0
            for index in entries.indices { size += entries[index].mostEncoded }
            return size
        }
    }

    fileprivate func write(_ field: Int, to out: inout FieldWriter) {
        entries.withUnsafeBufferPointer { entries in
            for index in entries.indices {
                out.nested(field) { out in
                    out.text(1, entries[index].name)
                    out.nested(2) { entries[index].value.write(to: &$0) }
                }
            }
        }
    }
}

extension Parameters.Entry {
    fileprivate var mostEncoded: Int {
        let text = if case .string(let text) = value { FieldSize.most(text) } else { 0 }
        return 2 * FieldSize.mostOpening + FieldSize.most(name) + text + 1 + FieldSize.mostVarint
    }
}

extension Parameters.Value {
    /// A choice is written even when it is zero or empty.
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

    /// - Parameter after: bytes left free before the first, for `wrap`.
    init(slab: Slab, parts: Int, after reserved: Int) {
        self.slab = slab
        out = FieldWriter(slab.base, capacity: slab.capacity, from: reserved)
        begin = reserved
        slices.reserveCapacity(parts == 0 ? 1 : 1 + parts)
    }

    /// Makes what was written, and `more` bytes that follow, one field of another message.
    mutating func wrap(as field: Int, with more: Int) {
        let length = out.count - begin + more
        let opening = 1 + varintLength(length)
        var front = FieldWriter(slab.base, capacity: begin, from: begin - opening)
        front.open(field, length)
        begin -= opening
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
