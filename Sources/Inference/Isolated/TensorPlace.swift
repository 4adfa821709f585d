internal import Ground

/// Where a tensor lies, and its shape: all that passes between a node and an isolated engine about
/// one. Whoever reads it trusts nothing of it.
struct TensorPlace: Equatable {
    var offset: Int
    var length: Int
    var shape: [Int]

    /// Bytes of one: offset, length, number of axes, axes.
    static let size = 8 * (3 + ChannelLayout.mostAxes)

    init(offset: Int, length: Int, shape: [Int]) {
        self.offset = offset
        self.length = length
        self.shape = shape
    }

    func write(to base: UnsafeMutableRawPointer) {
        precondition(shape.count <= ChannelLayout.mostAxes)
        let words = [offset, length, shape.count] + shape
        for (index, word) in words.enumerated() {
            base.storeBytes(of: Int64(word), toByteOffset: 8 * index, as: Int64.self)
        }
    }

    /// Reads each word once: the other side may be writing it.
    ///
    /// - Parameter room: bytes of the memory that the place is in.
    /// - Throws: `.corrupt` when the place is not inside it or the shape is none.
    init(at base: UnsafeRawPointer, room: Int) throws(Fault) {
        func word(_ index: Int) -> Int {
            Int(base.load(fromByteOffset: 8 * index, as: Int64.self))
        }
        offset = word(0)
        length = word(1)
        let axes = word(2)
        guard offset >= 0, length >= 0, length <= room, offset <= room - length else {
            throw Self.fault("\(length) bytes at \(offset)", "a place in \(room) bytes")
        }
        guard (0...ChannelLayout.mostAxes).contains(axes) else {
            throw Self.fault("\(axes) axes", "at most \(ChannelLayout.mostAxes)")
        }
        shape = (0..<axes).map { word(3 + $0) }
        guard elementCount(shape) != nil else {
            throw Self.fault("the shape \(shape)", "lengths of at least 0")
        }
    }

    static func fault(_ found: String, _ expected: String) -> Fault {
        Fault(.corrupt, "a descriptor says \(found) where \(expected) was expected")
    }
}

/// How many tensors follow, then their places.
enum PlaceList {
    static func write(_ places: [TensorPlace], to base: UnsafeMutableRawPointer) {
        precondition(places.count <= ChannelLayout.mostTensors)
        base.storeBytes(of: Int64(places.count), as: Int64.self)
        for (index, place) in places.enumerated() {
            place.write(to: base + 8 + index * TensorPlace.size)
        }
    }

    /// - Throws: `.corrupt` when there are not `count`, or one is not inside `room` bytes.
    static func read(
        _ base: UnsafeRawPointer, count expected: Int, room: Int
    ) throws(Fault) -> [TensorPlace] {
        let count = Int(base.load(as: Int64.self))
        guard count == expected else {
            throw TensorPlace.fault("\(count) tensors", "\(expected)")
        }
        var places: [TensorPlace] = []
        for index in 0..<count {
            places.append(
                try TensorPlace(at: base + 8 + index * TensorPlace.size, room: room))
        }
        return places
    }
}
