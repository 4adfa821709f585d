/// Resizes 8-bit images exactly as `PIL.Image.resize` of Pillow 13 does: along rows and along
/// columns, rounding to 8 bits in between. Which comes first shows in the last bit; Pillow before
/// 13 always began with the rows.
///
/// One belongs to one worker and one step of a pipeline, so that a camera's kernels are made once.
final class Resizer {
    private var horizontal: ResizeKernel?
    private var vertical: ResizeKernel?
    private let rows = Scratch()
    private let columns = Scratch()

    /// `image` at `width` × `height`. The view is valid until the next call.
    func resize(
        _ image: ImageView, width: Int, height: Int, filter: ImagePreprocessing.Filter
    ) -> ImageView {
        if image.width == width && image.height == height { return image }
        if filter == .nearest { return nearest(image, width: width, height: height) }
        let lostRows = image.height - height
        if lostRows > 0, lostRows > 2 * (image.width - width) {
            return alongRows(alongColumns(image, height, filter), width, filter)
        }
        return alongColumns(alongRows(image, width, filter), height, filter)
    }

    /// Gives large buffers back.
    func trim() {
        rows.trim()
        columns.trim()
    }

    private func kernel(
        _ kept: inout ResizeKernel?, _ source: Int, _ target: Int,
        _ filter: ImagePreprocessing.Filter
    ) -> ResizeKernel {
        if let kept, kept.fits(source: source, target: target, filter: filter) { return kept }
        let made = ResizeKernel(source: source, target: target, filter: filter)
        kept = made
        return made
    }

    private func alongRows(
        _ image: ImageView, _ width: Int, _ filter: ImagePreprocessing.Filter
    ) -> ImageView {
        if image.width == width { return image }
        let kernel = kernel(&horizontal, image.width, width, filter)
        let rowBytes = kernel.target * image.pixelBytes
        let out = rows.reserve(rowBytes * image.height)
        for y in 0..<image.height {
            let from = image.base + y * image.rowBytes
            let to = out + y * rowBytes
            if image.pixelBytes == 1 {
                grayRow(from, to, kernel)
            } else {
                colorRow(from, to, kernel)
            }
        }
        return ImageView(
            base: UnsafePointer(out), rowBytes: rowBytes, width: kernel.target,
            height: image.height, pixelBytes: image.pixelBytes)
    }

    private func alongColumns(
        _ image: ImageView, _ height: Int, _ filter: ImagePreprocessing.Filter
    ) -> ImageView {
        if image.height == height { return image }
        let kernel = kernel(&vertical, image.height, height, filter)
        let rowBytes = image.width * image.pixelBytes
        let out = columns.reserve(rowBytes * kernel.target)
        kernel.weights.withUnsafeBufferPointer { weights in
            for y in 0..<kernel.target {
                column(
                    image.base + kernel.starts[y] * image.rowBytes, image.rowBytes,
                    rows: kernel.counts[y], weights[(y * kernel.taps)...], out + y * rowBytes,
                    count: rowBytes)
            }
        }
        return ImageView(
            base: UnsafePointer(out), rowBytes: rowBytes, width: image.width,
            height: kernel.target, pixelBytes: image.pixelBytes)
    }

    /// PIL adds the step up from pixel to pixel, and so does this: multiplying would round
    /// otherwise.
    private func nearest(_ image: ImageView, width: Int, height: Int) -> ImageView {
        let size = image.pixelBytes
        let out = columns.reserve(width * height * size)
        let columns = Self.nearestIndices(source: image.width, target: width)
        let rows = Self.nearestIndices(source: image.height, target: height)
        for y in 0..<height {
            let from = image.base + rows[y] * image.rowBytes
            let to = out + y * width * size
            for x in 0..<width {
                for byte in 0..<size { to[x * size + byte] = from[columns[x] * size + byte] }
            }
        }
        return ImageView(
            base: UnsafePointer(out), rowBytes: width * size, width: width, height: height,
            pixelBytes: size)
    }

    private static func nearestIndices(source: Int, target: Int) -> [Int] {
        let step = Double(source) / Double(target)
        var position = step * 0.5
        return (0..<target).map { _ in
            defer { position += step }
            return min(Int(position), source - 1)
        }
    }
}

private let half: Int32 = 1 << (ResizeKernel.fractionBits - 1)

@inline(__always)
private func clipped(_ sum: Int32) -> UInt8 {
    UInt8(truncatingIfNeeded: max(0, min(255, sum >> ResizeKernel.fractionBits)))
}

private func grayRow(
    _ from: UnsafePointer<UInt8>, _ to: UnsafeMutablePointer<UInt8>, _ kernel: ResizeKernel
) {
    kernel.weights.withUnsafeBufferPointer { weights in
        for x in 0..<kernel.target {
            let source = from + kernel.starts[x]
            let first = x * kernel.taps
            var sum = half
            for tap in 0..<kernel.counts[x] {
                sum &+= Int32(source[tap]) &* weights[first + tap]
            }
            to[x] = clipped(sum)
        }
    }
}

private func colorRow(
    _ from: UnsafePointer<UInt8>, _ to: UnsafeMutablePointer<UInt8>, _ kernel: ResizeKernel
) {
    kernel.weights.withUnsafeBufferPointer { weights in
        for x in 0..<kernel.target {
            let source = UnsafeRawPointer(from + 4 * kernel.starts[x])
            let first = x * kernel.taps
            var sum = SIMD4<Int32>(repeating: half)
            for tap in 0..<kernel.counts[x] {
                let pixel = source.loadUnaligned(fromByteOffset: 4 * tap, as: SIMD4<UInt8>.self)
                sum &+= SIMD4<Int32>(truncatingIfNeeded: pixel) &* weights[first + tap]
            }
            let shifted = sum &>> SIMD4(repeating: ResizeKernel.fractionBits)
            let pixel = shifted.clamped(lowerBound: .zero, upperBound: SIMD4(repeating: 255))
            UnsafeMutableRawPointer(to + 4 * x).storeBytes(
                of: SIMD4<UInt8>(truncatingIfNeeded: pixel), as: SIMD4<UInt8>.self)
        }
    }
}

/// One target row of `count` bytes: the weighted sum of `rows` source rows. Eight bytes at a time,
/// then one.
private func column(
    _ from: UnsafePointer<UInt8>, _ rowBytes: Int, rows: Int,
    _ weights: Slice<UnsafeBufferPointer<Int32>>, _ to: UnsafeMutablePointer<UInt8>, count: Int
) {
    let base = weights.startIndex
    var x = 0
    while x + 8 <= count {
        var sum = SIMD8<Int32>(repeating: half)
        for row in 0..<rows {
            let bytes = UnsafeRawPointer(from + row * rowBytes + x)
                .loadUnaligned(as: SIMD8<UInt8>.self)
            sum &+= SIMD8<Int32>(truncatingIfNeeded: bytes) &* weights[base + row]
        }
        let shifted = sum &>> SIMD8(repeating: ResizeKernel.fractionBits)
        let clippedSum = shifted.clamped(lowerBound: .zero, upperBound: SIMD8(repeating: 255))
        UnsafeMutableRawPointer(to + x).storeBytes(
            of: SIMD8<UInt8>(truncatingIfNeeded: clippedSum), as: SIMD8<UInt8>.self)
        x += 8
    }
    while x < count {
        var sum = half
        for row in 0..<rows { sum &+= Int32(from[row * rowBytes + x]) &* weights[base + row] }
        to[x] = clipped(sum)
        x += 1
    }
}
