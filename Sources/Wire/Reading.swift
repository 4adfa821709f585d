internal import CProtobufC
internal import CWire
internal import Ground

/// Names that come with every frame and are too long for a string to hold inline.
private let frequentNames: [StaticString] = [
    "canopy.confidence", "canopy.captured_at", "triton_final_response",
    "triton_enable_empty_final_response",
]

/// The text of a protobuf string, which must be UTF-8. `field` names it in the fault.
func text(
    _ data: ProtobufCBinaryData, _ field: @autoclosure () -> String, _ source: Fault.Source
) throws(Fault) -> String {
    guard data.len > 0 else { return "" }
    let units = UnsafeBufferPointer(start: data.data, count: data.len)
    guard let text = string(units) else {
        throw refusal(source, "\(field()) is not UTF-8", remedy: "protobuf strings are UTF-8")
    }
    return text
}

/// A string of `units`, or `nil` when they are not UTF-8.
func string(_ units: UnsafeBufferPointer<UInt8>) -> String? {
    guard units.allASCII else { return String(validating: units, as: UTF8.self) }
    // What a frame carries is ASCII. This initializer is not generic: the other one looks up its
    // types at run time, which took a seventh of a request's decoding.
    return String(unsafeUninitializedCapacity: units.count) { room in
        room.baseAddress!.update(from: units.baseAddress!, count: units.count)
        return units.count
    }
}

extension UnsafeBufferPointer<UInt8> {
    fileprivate var allASCII: Bool {
        guard count > 0 else { return false }
        var bits: UInt8 = 0
        for unit in self { bits |= unit }
        return bits < 0x80
    }
}

/// As `text`, but a frequent name costs no allocation.
func name(
    _ data: ProtobufCBinaryData, _ field: @autoclosure () -> String, _ source: Fault.Source
) throws(Fault) -> String {
    if let known = frequentName(UnsafeRawBufferPointer(start: data.data, count: data.len)) {
        return known
    }
    return try text(data, field(), source)
}

/// The frequent name of these bytes, or `nil`.
func frequentName(_ units: UnsafeRawBufferPointer) -> String? {
    // Shorter ones are held inline by the string itself.
    guard units.count > 15 else { return nil }
    for known in frequentNames where known.utf8CodeUnitCount == units.count {
        let other = UnsafeRawBufferPointer(start: known.utf8Start, count: units.count)
        if units.elementsEqual(other) { return String(describing: known) }
    }
    return nil
}

extension Bytes {
    /// No bytes at all; made once.
    static let nothing = Bytes([])
}

/// The values that `read` makes of a C array of pointers to messages.
func list<C, S>(
    _ items: UnsafeMutablePointer<UnsafeMutablePointer<C>?>?, _ count: Int,
    _ read: (C) throws(Fault) -> S
) throws(Fault) -> [S] {
    guard let items, count > 0 else { return [] }
    var list: [S] = []
    list.reserveCapacity(count)
    for index in 0..<count {
        // protobuf-c leaves no hole in an array that it unpacked.
        list.append(try read(items[index]!.pointee))
    }
    return list
}

/// The texts of a C array of strings; at most `WireLimits.list`.
func texts(
    _ items: UnsafeMutablePointer<ProtobufCBinaryData>?, _ count: Int,
    _ field: @autoclosure () -> String, _ source: Fault.Source
) throws(Fault) -> [String] {
    guard let items, count > 0 else { return [] }
    guard count <= WireLimits.list else { throw excess(source, field(), count, WireLimits.list) }
    var list: [String] = []
    list.reserveCapacity(count)
    for index in 0..<count { list.append(try text(items[index], field(), source)) }
    return list
}

/// A tensor's shape as the wire has it: -1 stands for any size where `open` is true.
func shape(
    _ dimensions: UnsafeMutablePointer<Int64>?, _ count: Int, of tensor: String,
    open: Bool, _ source: Fault.Source
) throws(Fault) -> [Int] {
    guard let dimensions, count > 0 else { return [] }
    guard count <= WireLimits.rank else {
        throw excess(source, "dimensions of tensor '\(tensor)'", count, WireLimits.rank)
    }
    var shape: [Int] = []
    shape.reserveCapacity(count)
    for index in 0..<count {
        let size = Int(dimensions[index])
        guard size >= 0 || (open && size == -1) else {
            throw refusal(
                source, "dimension \(index) of tensor '\(tensor)' is \(size), expected 0 or more")
        }
        shape.append(size)
    }
    return shape
}
