internal import Ground

/// Reads a tensor's `data` array into raw little-endian elements.
struct TensorJSON {
    let name: String
    let datatype: Datatype
    let shape: [Int]
    /// Whether the strings of a BYTES tensor are base64.
    let base64: Bool
    /// The body's: a number of one digit there may take eight bytes here.
    let memory: Slab

    /// Reads the array at which `reader` stands; nesting is free, the number of elements is not.
    func read(_ reader: inout JSONReader) throws(Fault) -> Bytes {
        guard let count = count(of: shape), count <= reader.bytes.count - reader.offset else {
            throw refusal(
                .client, "input '\(name)' has fewer elements of data than its shape \(shape) wants")
        }
        switch datatype {
        case .bool: return try read(&reader, count) { Self.bool($0) }
        case .uint8: return try read(&reader, count) { $0.whole(UInt8.self) }
        case .uint16: return try read(&reader, count) { $0.whole(UInt16.self) }
        case .uint32: return try read(&reader, count) { $0.whole(UInt32.self) }
        case .uint64: return try read(&reader, count) { $0.whole(UInt64.self) }
        case .int8: return try read(&reader, count) { $0.whole(Int8.self) }
        case .int16: return try read(&reader, count) { $0.whole(Int16.self) }
        case .int32: return try read(&reader, count) { $0.whole(Int32.self) }
        case .int64: return try read(&reader, count) { $0.whole(Int64.self) }
        case .fp16: return try read(&reader, count) { Self.finite(Float16($0.double)) }
        case .bf16: return try read(&reader, count) { Self.bf16($0.double) }
        case .fp32: return try read(&reader, count) { Self.finite(Float($0.double)) }
        case .fp64: return try read(&reader, count) { $0.double }
        case .bytes: return try strings(&reader, count)
        }
    }

    private func read<T: BitwiseCopyable>(
        _ reader: inout JSONReader, _ count: Int, _ element: (JSONNumber) -> T?
    ) throws(Fault) -> Bytes {
        let size = MemoryLayout<T>.size
        let slab = try memory.sibling(capacity: count * size)
        var index = 0
        try reader.flattened { (reader) throws(Fault) in
            guard index < count else { throw tooMany(count) }
            let start = reader.offset
            let number: JSONNumber
            if datatype == .bool, try reader.peek() == .bool {
                number = .int64(try reader.bool() ? 1 : 0)
            } else {
                number = try reader.number()
            }
            guard let value = element(number) else {
                throw refusal(
                    .client,
                    "element \(index) of input '\(name)', at byte \(start), is no"
                        + " \(datatype.rawValue)")
            }
            slab.base.storeBytes(of: value, toByteOffset: index * size, as: T.self)
            index += 1
        }
        guard index == count else { throw tooFew(index, count) }
        return Bytes(slab: slab, start: 0, count: count * size)
    }

    private func strings(_ reader: inout JSONReader, _ count: Int) throws(Fault) -> Bytes {
        var contents: [UInt8] = []
        var index = 0
        try reader.flattened { (reader) throws(Fault) in
            guard index < count else { throw tooMany(count) }
            let start = contents.count
            contents.append(contentsOf: [0, 0, 0, 0])
            try reader.stringBytes { contents.append($0) }
            if base64 {
                guard let bytes = Base64.decode(contents[(start + 4)...]) else {
                    throw refusal(
                        .client, "element \(index) of input '\(name)' is not base64 with padding")
                }
                contents.replaceSubrange((start + 4)..., with: bytes)
            }
            let length = UInt32(truncatingIfNeeded: contents.count - start - 4)
            contents.withUnsafeMutableBytes {
                $0.storeBytes(of: length.littleEndian, toByteOffset: start, as: UInt32.self)
            }
            index += 1
        }
        guard index == count else { throw tooFew(index, count) }
        let slab = try memory.sibling(capacity: contents.count)
        contents.withUnsafeBytes { raw in
            if let from = raw.baseAddress {
                slab.base.copyMemory(from: from, byteCount: raw.count)
            }
        }
        return Bytes(slab: slab, start: 0, count: contents.count)
    }

    private func tooMany(_ count: Int) -> Fault {
        refusal(
            .client, "input '\(name)' has more than the \(count) elements of its shape \(shape)")
    }

    private func tooFew(_ found: Int, _ count: Int) -> Fault {
        refusal(
            .client, "input '\(name)' has \(found) elements, expected \(count) for \(shape)")
    }

    private static func bool(_ number: JSONNumber) -> UInt8? {
        number.whole(UInt8.self).flatMap { $0 <= 1 ? $0 : nil }
    }

    /// A number that is too large for its type is refused, not made infinite.
    private static func finite<T: BinaryFloatingPoint>(_ value: T) -> T? {
        value.isFinite ? value : nil
    }

    /// The upper half of a float, rounded to nearest, ties to even.
    private static func bf16(_ value: Double) -> UInt16? {
        let bits = Float(value).bitPattern
        let (rounded, overflow) = bits.addingReportingOverflow(0x7FFF + (bits >> 16 & 1))
        let half = UInt16(truncatingIfNeeded: rounded >> 16)
        return overflow || half & 0x7F80 == 0x7F80 ? nil : half
    }
}

extension JSONWriter {
    /// Writes a tensor's contents as one flat `data` array; for BYTES, strings as they are or,
    /// where `base64` is true, in base64.
    mutating func data(_ tensor: InferTensor, base64: Bool) {
        array { json in
            guard tensor.datatype != .bytes else {
                return json.strings(tensor, base64: base64)
            }
            tensor.contents.withUnsafeBytes { raw in
                switch tensor.datatype {
                case .bool: json.all(raw, UInt8.self) { $0.bool($1 != 0) }
                case .uint8: json.all(raw, UInt8.self) { $0.integer($1) }
                case .uint16: json.all(raw, UInt16.self) { $0.integer($1) }
                case .uint32: json.all(raw, UInt32.self) { $0.integer($1) }
                case .uint64: json.all(raw, UInt64.self) { $0.integer($1) }
                case .int8: json.all(raw, Int8.self) { $0.integer($1) }
                case .int16: json.all(raw, Int16.self) { $0.integer($1) }
                case .int32: json.all(raw, Int32.self) { $0.integer($1) }
                case .int64: json.all(raw, Int64.self) { $0.integer($1) }
                case .fp16: json.all(raw, Float16.self) { $0.number($1) }
                case .bf16:
                    json.all(raw, UInt16.self) { $0.number(Float(bitPattern: UInt32($1) << 16)) }
                case .fp32: json.all(raw, Float.self) { $0.number($1) }
                case .fp64: json.all(raw, Double.self) { $0.number($1) }
                case .bytes: break
                }
            }
        }
    }

    private mutating func strings(_ tensor: InferTensor, base64: Bool) {
        for element in tensor.elements ?? [] {
            element.withUnsafeBytes { raw in
                if base64 { string(Base64.encode(raw)) } else { string(utf8: raw) }
            }
        }
    }

    private mutating func all<T: BitwiseCopyable>(
        _ raw: UnsafeRawBufferPointer, _ type: T.Type, _ write: (inout JSONWriter, T) -> Void
    ) {
        let size = MemoryLayout<T>.size
        for offset in stride(from: 0, through: raw.count - size, by: size) {
            write(&self, raw.loadUnaligned(fromByteOffset: offset, as: T.self))
        }
    }
}
