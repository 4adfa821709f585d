internal import CProtobufC
internal import CWire
internal import Ground

/// Turns a tensor's typed contents into raw little-endian elements, so that all that follows sees
/// one form. Every machine that Swift runs on here is little-endian.
struct TypedContents {
    let contents: Inference__InferTensorContents
    /// The tensor, as a fault names it.
    let tensor: String
    let datatype: Datatype
    let source: Fault.Source
    /// The message's: an element of one byte there may take eight here.
    let memory: Slab

    /// The elements; a fault when they are of another type, or lie outside it.
    func raw() throws(Fault) -> Bytes {
        guard let filled = onlyFilled else {
            throw refusal(
                source, "tensor '\(tensor)' has contents of more than one type",
                remedy: "fill the one that belongs to \(datatype.rawValue)")
        }
        guard filled == nil || filled == field else {
            throw refusal(
                source,
                "tensor '\(tensor)' is \(datatype.rawValue), but its contents are in \(filled!)",
                remedy: field.map { "fill \($0)" } ?? "send \(datatype.rawValue) as raw contents")
        }
        let c = contents
        switch datatype {
        case .bool: return try narrowed(c.bool_contents, c.n_bool_contents, to: UInt8.self)
        case .int8: return try narrowed(c.int_contents, c.n_int_contents, to: Int8.self)
        case .int16: return try narrowed(c.int_contents, c.n_int_contents, to: Int16.self)
        case .int32: return try copied(c.int_contents, c.n_int_contents)
        case .int64: return try copied(c.int64_contents, c.n_int64_contents)
        case .uint8: return try narrowed(c.uint_contents, c.n_uint_contents, to: UInt8.self)
        case .uint16: return try narrowed(c.uint_contents, c.n_uint_contents, to: UInt16.self)
        case .uint32: return try copied(c.uint_contents, c.n_uint_contents)
        case .uint64: return try copied(c.uint64_contents, c.n_uint64_contents)
        case .fp32: return try copied(c.fp32_contents, c.n_fp32_contents)
        case .fp64: return try copied(c.fp64_contents, c.n_fp64_contents)
        case .bytes: return try joined()
        // The protocol has no typed form of these; nothing is filled here.
        case .fp16, .bf16: return Bytes([])
        }
    }

    /// The field that the datatype's elements belong into.
    private var field: String? {
        switch datatype {
        case .bool: "bool_contents"
        case .int8, .int16, .int32: "int_contents"
        case .int64: "int64_contents"
        case .uint8, .uint16, .uint32: "uint_contents"
        case .uint64: "uint64_contents"
        case .fp32: "fp32_contents"
        case .fp64: "fp64_contents"
        case .bytes: "bytes_contents"
        case .fp16, .bf16: nil
        }
    }

    /// The one field that is not empty; inner `nil` when all are empty, outer when several are not.
    private var onlyFilled: String?? {
        let counts = [
            ("bool_contents", contents.n_bool_contents), ("int_contents", contents.n_int_contents),
            ("int64_contents", contents.n_int64_contents),
            ("uint_contents", contents.n_uint_contents),
            ("uint64_contents", contents.n_uint64_contents),
            ("fp32_contents", contents.n_fp32_contents),
            ("fp64_contents", contents.n_fp64_contents),
            ("bytes_contents", contents.n_bytes_contents),
        ].filter { $0.1 > 0 }
        return counts.count > 1 ? nil : .some(counts.first?.0)
    }

    private func copied<T>(
        _ items: UnsafeMutablePointer<T>?, _ count: Int
    ) throws(Fault) -> Bytes {
        let size = count * MemoryLayout<T>.size
        let slab = try memory.sibling(capacity: size)
        if let items { slab.base.copyMemory(from: items, byteCount: size) }
        return Bytes(slab: slab, start: 0, count: size)
    }

    private func narrowed<Wide: FixedWidthInteger, Narrow: FixedWidthInteger>(
        _ items: UnsafeMutablePointer<Wide>?, _ count: Int, to type: Narrow.Type
    ) throws(Fault) -> Bytes {
        let slab = try memory.sibling(capacity: count * MemoryLayout<Narrow>.size)
        let target = slab.base.bindMemory(to: Narrow.self, capacity: max(count, 1))
        for index in 0..<count {
            guard let value = Narrow(exactly: items![index]) else {
                throw refusal(
                    source,
                    "element \(index) of tensor '\(tensor)' is \(items![index]), outside"
                        + " \(datatype.rawValue)")
            }
            target[index] = value
        }
        return Bytes(slab: slab, start: 0, count: count * MemoryLayout<Narrow>.size)
    }

    private func joined() throws(Fault) -> Bytes {
        let items = UnsafeBufferPointer(
            start: contents.bytes_contents, count: contents.n_bytes_contents)
        let count = items.reduce(0) { $0 + 4 + $1.len }
        let slab = try memory.sibling(capacity: count)
        var offset = 0
        for item in items {
            let element = UnsafeRawBufferPointer(start: item.data, count: item.len)
            offset += write(element: element, to: slab.base + offset)
        }
        return Bytes(slab: slab, start: 0, count: count)
    }
}
