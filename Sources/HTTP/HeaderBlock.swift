internal import Ground

/// Header fields as bytes in one buffer, in the order they came. Names are lower-case.
struct HeaderBlock {
    private struct Field {
        var start: UInt32
        var name: UInt16
        var value: UInt32
    }
    /// Room, of which `size` bytes are in use: every call fills it anew, and setting a mark back
    /// costs less than emptying an array.
    private var room: [UInt8] = []
    private var places: [Field] = []

    /// Bytes of all names and values.
    private(set) var size = 0
    private(set) var count = 0

    /// A gRPC library's own headers and a trace context take about 300 bytes and eight fields.
    private static let usualSize = 384

    /// Empties the block and keeps its memory, unless that has grown past what is usual.
    mutating func removeAll() {
        (size, count) = (0, 0)
        if room.count > 2 << 10 { room = [] }
        if places.count > 64 { places = [] }
    }

    mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let nameLength = min(name.count, Int(UInt16.max))
        let field = Field(
            start: UInt32(size), name: UInt16(nameLength), value: UInt32(value.count))
        if count < places.count { places[count] = field } else { places.append(field) }
        count += 1
        let end = size + nameLength + value.count
        if end > room.count { grow(to: end) }
        room.withUnsafeMutableBytes { room in
            guard let base = room.baseAddress else { return }
            if let from = name.baseAddress {
                (base + size).copyMemory(from: from, byteCount: nameLength)
            }
            if let from = value.baseAddress {
                (base + size + nameLength).copyMemory(from: from, byteCount: value.count)
            }
        }
        size = end
    }

    private mutating func grow(to size: Int) {
        let wanted = max(size, 2 * room.count, Self.usualSize)
        room.append(contentsOf: repeatElement(0, count: wanted - room.count))
    }

    /// Makes letters of the last name small: HTTP/1 does not care for case.
    mutating func lowerLastName() {
        guard count > 0 else { return }
        let last = places[count - 1]
        let start = Int(last.start)
        for index in start..<start + Int(last.name) where (0x41...0x5a).contains(room[index]) {
            room[index] |= 0x20
        }
    }

    /// The first value under `name`, which must be lower-case, or `nil`.
    func first(_ name: String) -> String? {
        var name = name
        return name.withUTF8 { wanted in
            room.withUnsafeBytes { all in
                for field in places.prefix(count) where Int(field.name) == wanted.count {
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
        places.prefix(count).map { field in
            let end = Int(field.start) + Int(field.name)
            return (
                String(decoding: room[Int(field.start)..<end], as: UTF8.self),
                String(decoding: room[end..<end + Int(field.value)], as: UTF8.self)
            )
        }
    }

    private func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
        a.elementsEqual(b)
    }
}
