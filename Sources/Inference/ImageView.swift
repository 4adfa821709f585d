/// Bytes that are used again and again: grows when asked, keeps what it has.
///
/// One belongs to one worker. Its pointer is valid until the next `reserve`.
final class Scratch {
    /// More than this is given back after a frame, so that one large image does not hold memory for
    /// ever: a 1080p frame of four bytes a pixel takes half of it.
    static let keptBytes = 16 << 20

    private(set) var base: UnsafeMutablePointer<UInt8>
    private(set) var capacity: Int

    init() {
        capacity = 0
        base = .allocate(capacity: 1)
    }

    deinit { base.deallocate() }

    /// Makes room for `count` bytes; what was there is lost.
    func reserve(_ count: Int) -> UnsafeMutablePointer<UInt8> {
        if count > capacity { replace(count) }
        return base
    }

    /// Gives a large buffer back.
    func trim() {
        if capacity > Self.keptBytes { replace(0) }
    }

    private func replace(_ count: Int) {
        base.deallocate()
        base = .allocate(capacity: max(count, 1))
        capacity = count
    }
}

/// A rectangle of 8-bit pixels in somebody's memory, top row first.
struct ImageView {
    /// The top left pixel.
    var base: UnsafePointer<UInt8>
    /// Bytes from one row to the next.
    var rowBytes: Int
    var width: Int
    var height: Int
    /// 1 for gray; 4 for red, green, blue and a byte that means nothing.
    var pixelBytes: Int

    /// The centred rectangle of this size, which must fit; offsets are rounded down. No pixel
    /// moves.
    func cropped(width cropWidth: Int, height cropHeight: Int) -> ImageView {
        let left = (width - cropWidth) / 2
        let top = (height - cropHeight) / 2
        return ImageView(
            base: base + top * rowBytes + left * pixelBytes, rowBytes: rowBytes,
            width: cropWidth, height: cropHeight, pixelBytes: pixelBytes)
    }
}
