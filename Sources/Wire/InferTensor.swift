public import Ground

/// One input or output: its contents are raw little-endian elements in row-major order, whatever
/// form they came in.
public struct InferTensor: Sendable {
    public var name: String
    public var datatype: Datatype
    /// Sizes, outermost first; empty for a scalar.
    public var shape: [Int]
    public var parameters: Parameters
    public var contents: Bytes

    /// A tensor; `contents` must fit `datatype` and `shape`, as the other end will check.
    public init(
        name: String, datatype: Datatype, shape: [Int], contents: Bytes,
        parameters: Parameters = [:]
    ) {
        self.name = name
        self.datatype = datatype
        self.shape = shape
        self.contents = contents
        self.parameters = parameters
    }

    /// A BYTES tensor of one dimension that holds copies of `elements`.
    public init(name: String, elements: [[UInt8]], parameters: Parameters = [:]) {
        let slab = Slab(capacity: elements.reduce(0) { $0 + 4 + $1.count })
        var offset = 0
        for element in elements {
            offset += element.withUnsafeBytes { write(element: $0, to: slab.base + offset) }
        }
        self.init(
            name: name, datatype: .bytes, shape: [elements.count],
            contents: Bytes(slab: slab, start: 0, count: offset), parameters: parameters)
    }

    /// Number of elements that the shape promises, or `nil` when it is more than an `Int` holds.
    public var elementCount: Int? { count(of: shape) }

    /// The elements of a BYTES tensor as slices of its contents; `nil` when the lengths do not add
    /// up or when the tensor is of another type.
    public var elements: [Bytes]? {
        guard datatype == .bytes, let count = elementCount, count <= contents.count / 4 else {
            return nil
        }
        var slices: [Bytes] = []
        slices.reserveCapacity(count)
        let whole = walkElements { slices.append(contents[$0]) }
        return whole && slices.count == count ? slices : nil
    }

    /// Gives each element's range in `contents` to `body`; false when the lengths do not add up.
    func walkElements(_ body: (Range<Int>) -> Void) -> Bool {
        contents.withUnsafeBytes { raw in
            var offset = 0
            while offset < raw.count {
                guard raw.count - offset >= 4 else { return false }
                let length = Int(
                    raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self).littleEndian)
                offset += 4
                guard length <= raw.count - offset else { return false }
                body(offset..<offset + length)
                offset += length
            }
            return true
        }
    }

    /// Throws unless the contents are here and hold exactly the elements that type and shape
    /// promise.
    func check(_ source: Fault.Source) throws(Fault) {
        guard parameters["shared_memory_region"] == nil else {
            throw Fault(
                .unsupported, "tensor '\(name)' lies in shared memory, which is not taken",
                source: source, remedy: "send its contents in the message")
        }
        guard let count = elementCount else {
            throw refusal(source, "tensor '\(name)' has a shape \(shape) of too many elements")
        }
        guard let size = datatype.size else { return try checkElements(count, source) }
        let (expected, overflow) = count.multipliedReportingOverflow(by: size)
        guard !overflow, contents.count == expected else {
            throw refusal(
                source,
                "tensor '\(name)' has \(contents.count) bytes of contents, expected"
                    + " \(overflow ? "more than an Int holds" : "\(expected)") for"
                    + " \(datatype.rawValue) \(shape)")
        }
    }

    private func checkElements(_ count: Int, _ source: Fault.Source) throws(Fault) {
        var found = 0
        guard walkElements({ _ in found += 1 }) else {
            throw refusal(
                source, "the element lengths of BYTES tensor '\(name)' do not add up to its size",
                remedy: "put four little-endian bytes of length before each element")
        }
        guard found == count else {
            throw refusal(
                source,
                "BYTES tensor '\(name)' has \(found) elements, expected \(count) for \(shape)")
        }
    }
}

/// The product of `shape`, or `nil` when it overflows. An empty shape is one element.
func count(of shape: [Int]) -> Int? {
    var product = 1
    var overflowed = false
    for size in shape {
        if size == 0 { return 0 }
        let (next, overflow) = product.multipliedReportingOverflow(by: size)
        product = next
        overflowed = overflowed || overflow
    }
    return overflowed ? nil : product
}

/// Writes one BYTES element, length first, and returns the bytes it took.
func write(element: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) -> Int {
    target.storeBytes(of: UInt32(element.count).littleEndian, as: UInt32.self)
    if let from = element.baseAddress {
        (target + 4).copyMemory(from: from, byteCount: element.count)
    }
    return 4 + element.count
}
