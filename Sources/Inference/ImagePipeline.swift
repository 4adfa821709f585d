package import Ground

/// Runs an image preprocessing. One belongs to one worker; its buffers serve frame after frame.
final class ImagePipeline {
    let preprocessing: ImagePreprocessing
    private let decoder: ImageDecoder
    private let pixelLimit: Int
    /// One per step, unused for crops.
    private let resizers: [Resizer]
    /// For each output channel, the tensor's value of each pixel value.
    private let values: [[Float]]

    init(_ preprocessing: ImagePreprocessing, pixelLimit: Int) throws(Fault) {
        self.preprocessing = preprocessing
        self.pixelLimit = pixelLimit
        decoder = try ImageDecoder()
        resizers = preprocessing.steps.map { _ in Resizer() }
        values = zip(preprocessing.mean, preprocessing.scale).map { mean, scale in
            (0...255).map { (Float($0) - mean) * scale }
        }
    }

    /// Decodes `file`, runs the steps and writes the tensor to the memory that `room` gives for its
    /// shape.
    ///
    /// - Throws: `.invalid` of the client for an image that cannot be used, and what `room` throws.
    func run(
        _ file: UnsafeRawBufferPointer,
        into room: (_ shape: [Int]) throws(Fault) -> UnsafeMutableRawBufferPointer
    ) throws(Fault) {
        defer { trim() }
        let image = try pixels(file)
        let shape = preprocessing.shape(width: image.width, height: image.height)
        let memory = try room(shape)
        let size = preprocessing.type == .fp32 ? 4 : 1
        precondition(
            memory.count >= image.width * image.height * preprocessing.color.channels * size)
        write(image, to: memory)
    }

    /// The 8-bit pixels after all steps; valid until the next call.
    func pixels(_ file: UnsafeRawBufferPointer) throws(Fault) -> ImageView {
        var image = try decoder.decode(
            file, gray: preprocessing.color == .gray, pixelLimit: pixelLimit)
        for (step, resizer) in zip(preprocessing.steps, resizers) {
            image = try apply(step, to: image, resizer)
        }
        return image
    }

    private func trim() {
        decoder.trim()
        for resizer in resizers { resizer.trim() }
    }

    private func apply(
        _ step: ImagePreprocessing.Step, to image: ImageView, _ resizer: Resizer
    ) throws(Fault) -> ImageView {
        switch step {
        case .cropFraction(let fraction):
            let shorter = Double(min(image.width, image.height))
            let side = Int((shorter * fraction + 0.5).rounded(.down))
            return try crop(image, side, side)
        case .crop(let width, let height):
            return try crop(image, width, height)
        case .resize(let width, let height, let filter):
            return resizer.resize(image, width: width, height: height, filter: filter)
        case .resizeShortest(let shortest, let filter):
            let shorter = min(image.width, image.height)
            let width = (image.width * shortest * 2 + shorter) / (2 * shorter)
            let height = (image.height * shortest * 2 + shorter) / (2 * shorter)
            // A sliver of an image would grow without bound along its longer side.
            guard width <= pixelLimit / height else { throw misfit(image, width, height) }
            return resizer.resize(image, width: width, height: height, filter: filter)
        }
    }

    private func crop(_ image: ImageView, _ width: Int, _ height: Int) throws(Fault) -> ImageView {
        guard width > 0, height > 0, width <= image.width, height <= image.height else {
            throw misfit(image, width, height)
        }
        return image.cropped(width: width, height: height)
    }

    private func misfit(_ image: ImageView, _ width: Int, _ height: Int) -> Fault {
        Fault(
            .invalid,
            "input \"\(preprocessing.input)\": "
                + "the image is \(image.width) × \(image.height) pixels where "
                + "\(width) × \(height) are to be made of it",
            source: .client, remedy: "send frames of the camera's usual size and proportions")
    }

    /// Puts the pixels into the tensor's order and type.
    private func write(_ image: ImageView, to memory: UnsafeMutableRawBufferPointer) {
        let channels = preprocessing.color.channels
        let plane = image.width * image.height
        let interleaved = preprocessing.layout == .nhwc
        for channel in 0..<channels {
            let from = preprocessing.color == .bgr ? 2 - channel : channel
            let start = interleaved ? channel : channel * plane
            let step = interleaved ? channels : 1
            if preprocessing.type == .fp32 {
                let out = memory.bindMemory(to: Float.self)
                values[channel].withUnsafeBufferPointer { table in
                    var index = start
                    image.forEach(channel: from) { value in
                        out[index] = table[Int(value)]
                        index += step
                    }
                }
            } else {
                var index = start
                image.forEach(channel: from) { value in
                    memory[index] = value
                    index += step
                }
            }
        }
    }
}

extension ImageView {
    /// Calls `body` with one channel's value of every pixel, row by row.
    @inline(__always)
    func forEach(channel: Int, _ body: (UInt8) -> Void) {
        for y in 0..<height {
            let row = base + y * rowBytes + channel
            for x in 0..<width { body(row[x * pixelBytes]) }
        }
    }
}

/// Decodes one image and forgets it: what a fuzzer calls with any bytes. `false` when they were
/// refused.
package func fuzzImage(_ bytes: UnsafeRawBufferPointer, pixelLimit: Int) -> Bool {
    guard let decoder = try? ImageDecoder() else { return false }
    let color = try? decoder.decode(bytes, gray: false, pixelLimit: pixelLimit)
    let gray = try? decoder.decode(bytes, gray: true, pixelLimit: pixelLimit)
    return color != nil && gray != nil
}

/// Makes one image's tensor as a bundle whose preprocessing.json is `preprocessing` would, and
/// forgets it.
///
/// - Throws: `.invalid` of the client for an image that cannot be used; `.corrupt` for
///   `preprocessing`, which must be of an image.
package func fuzzImage(
    _ bytes: UnsafeRawBufferPointer, preprocessing: [UInt8], pixelLimit: Int
) throws(Fault) {
    guard case .image(let image) = try Preprocessing(file: preprocessing) else {
        throw Fault(.corrupt, "the preprocessing is of a tensor, expected one of an image")
    }
    var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    defer { memory.deallocate() }
    try ImagePipeline(image, pixelLimit: pixelLimit).run(bytes) { shape in
        memory = .allocate(
            byteCount: shape.reduce(image.type.size ?? 1, *), alignment: 64)
        return memory
    }
}
