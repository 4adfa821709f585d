internal import CJPEG
internal import CPNG
internal import Ground

/// Decodes JPEG and PNG files to 8-bit pixels, the same pixels that PIL's `open(…).convert("RGB" or
/// "L")` gives.
///
/// Gray of a colour image is (19595 R + 38470 G + 7471 B + 32768) >> 16. Alpha is dropped. A 16-bit
/// PNG keeps the high byte of each value, but 16-bit gray without alpha is clipped to 255: that is
/// PIL's rule, and training used it. Orientation tags, colour profiles and gamma are not applied.
/// CMYK JPEGs are refused. Damage of any kind is a fault, also where PIL would go on: a guess over
/// a torn frame is worth less than an honest refusal.
///
/// One belongs to one worker.
final class ImageDecoder {

    private var jpeg: tjhandle
    private let pixels = Scratch()

    init() throws(Fault) {
        jpeg = try Self.makeJPEG()
    }

    private static func makeJPEG() throws(Fault) -> tjhandle {
        guard let jpeg = tjInitDecompress() else {
            throw Fault(
                .inner, "libjpeg-turbo gave no decoder", remedy: "check the memory that is left")
        }
        return jpeg
    }

    deinit { tjDestroy(jpeg) }

    /// Decodes `file`. The view is valid until the next call.
    ///
    /// - Parameter pixelLimit: width × height that is decoded at most; checked on the header,
    /// - Throws: `.invalid` of the client: not an image, damaged, cut short, or larger than the
    func decode(
        _ file: UnsafeRawBufferPointer, gray: Bool, pixelLimit: Int
    ) throws(Fault) -> ImageView {
        let bytes = file.bindMemory(to: UInt8.self)
        guard let base = bytes.baseAddress else { throw Self.unknown([]) }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            return try decodeJPEG(base, bytes.count, gray: gray, pixelLimit: pixelLimit)
        }
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            return try decodePNG(base, bytes.count, gray: gray, pixelLimit: pixelLimit)
        }
        throw Self.unknown(Array(bytes.prefix(8)))
    }

    /// Gives large buffers back.
    func trim() { pixels.trim() }

    private func decodeJPEG(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, gray: Bool, pixelLimit: Int
    ) throws(Fault) -> ImageView {
        var width: CInt = 0
        var height: CInt = 0
        var sampling: CInt = 0
        var space: CInt = 0
        let length = CUnsignedLong(count)
        guard tjDecompressHeader3(jpeg, bytes, length, &width, &height, &sampling, &space) == 0
        else { throw try damagedJPEG() }
        // The library takes a file of tables alone, and one that ends early, for one without error.
        guard width > 0, height > 0 else {
            throw damaged("JPEG", "it ends before the picture begins")
        }
        try Self.check(Int(width), Int(height), pixelLimit: pixelLimit)
        guard space != CInt(TJCS_CMYK.rawValue), space != CInt(TJCS_YCCK.rawValue) else {
            throw Fault(
                .invalid, "the image is a JPEG in CMYK; RGB, YCbCr or gray was expected",
                source: .client, remedy: "send the frame as an ordinary JPEG")
        }
        let stored = space == CInt(TJCS_GRAY.rawValue) && gray
        let pixelBytes = stored ? 1 : 4
        let format = CInt(stored ? TJPF_GRAY.rawValue : TJPF_RGBX.rawValue)
        let out = pixels.reserve(Int(width) * Int(height) * pixelBytes)
        // The limit on scans stops progressive files that cost minutes; see the library's note on
        // TJFLAG_LIMITSCANS.
        let flags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS
        let pitch = width * CInt(pixelBytes)
        guard tjDecompress2(jpeg, bytes, length, out, width, pitch, height, format, flags) == 0
        else { throw try damagedJPEG() }
        return view(out, Int(width), Int(height), pixelBytes, gray: gray)
    }

    /// What is wrong with the file. The decoder is made anew: after an error in a header the
    /// library goes on reading there, so that the next file, however sound, would be refused.
    private func damagedJPEG() throws(Fault) -> Fault {
        let fault = damaged("JPEG", String(cString: tjGetErrorStr2(jpeg)))
        let fresh = try Self.makeJPEG()
        tjDestroy(jpeg)
        jpeg = fresh
        return fault
    }

    private func decodePNG(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, gray: Bool, pixelLimit: Int
    ) throws(Fault) -> ImageView {
        var header = canopy_png_header()
        let problem = ErrorText()
        guard problem.fill({ canopy_png_read_header(bytes, count, &header, $0, $1) }) else {
            throw damaged("PNG", problem.text)
        }
        let width = Int(header.width)
        let height = Int(header.height)
        try Self.check(width, height, pixelLimit: pixelLimit)
        let stored = header.gray != 0 && gray
        let form = stored ? CANOPY_PNG_GRAY : CANOPY_PNG_RGBX
        // Four bytes a pixel also where one is kept: 16-bit gray passes through the same memory.
        let out = pixels.reserve(width * height * 4)
        let decoded = problem.fill {
            canopy_png_decode(bytes, count, UInt64(pixelLimit), CInt(form), out, $0, $1)
        }
        guard decoded else { throw damaged("PNG", problem.text) }
        return view(out, width, height, stored ? 1 : 4, gray: gray)
    }

    /// The decoded pixels; four bytes a pixel become one where gray is wanted.
    private func view(
        _ out: UnsafeMutablePointer<UInt8>, _ width: Int, _ height: Int, _ pixelBytes: Int,
        gray: Bool
    ) -> ImageView {
        if gray && pixelBytes == 4 { luma(out, count: width * height) }
        let size = gray ? 1 : pixelBytes
        return ImageView(
            base: UnsafePointer(out), rowBytes: width * size, width: width, height: height,
            pixelBytes: size)
    }

    private static func check(_ width: Int, _ height: Int, pixelLimit: Int) throws(Fault) {
        let (count, over) = width.multipliedReportingOverflow(by: height)
        guard !over, width > 0, height > 0, count <= pixelLimit else {
            throw Fault(
                .invalid,
                "the image is \(width) × \(height) pixels; at most \(pixelLimit) are taken",
                source: .client, remedy: "send smaller frames, or raise the node's pixel limit")
        }
    }

    private func damaged(_ format: String, _ problem: String) -> Fault {
        Fault(
            .invalid, "the image is a damaged or truncated \(format): \(problem)",
            source: .client, remedy: "send the whole file as the camera wrote it")
    }

    private static func unknown(_ first: [UInt8]) -> Fault {
        let bytes = first.map { String($0, radix: 16) }.joined(separator: " ")
        return Fault(
            .invalid,
            first.isEmpty
                ? "the image is empty; a JPEG or PNG file was expected"
                : "the image starts with \(bytes); a JPEG or PNG file was expected",
            source: .client, remedy: "encode the frame as JPEG or PNG")
    }
}

/// Gray of four-byte pixels, written over their start: each byte is written after its pixel was
/// read.
private func luma(_ pixels: UnsafeMutablePointer<UInt8>, count: Int) {
    let memory = UnsafeMutableRawPointer(pixels)
    let low = SIMD8<UInt32>(repeating: 0xFF)
    var index = 0
    while index + 8 <= count {
        let words = memory.loadUnaligned(fromByteOffset: 4 * index, as: SIMD8<UInt32>.self)
        let red = (words & low) &* 19595
        let green = (words &>> 8 & low) &* 38470
        let blue = (words &>> 16 & low) &* 7471
        let sum = (red &+ green &+ blue &+ 0x8000) &>> 16
        memory.storeBytes(
            of: SIMD8<UInt8>(truncatingIfNeeded: sum), toByteOffset: index, as: SIMD8<UInt8>.self)
        index += 8
    }
    while index < count {
        let pixel = pixels + 4 * index
        let sum = UInt32(pixel[0]) * 19595 + UInt32(pixel[1]) * 38470 + UInt32(pixel[2]) * 7471
        pixels[index] = UInt8(truncatingIfNeeded: (sum + 0x8000) >> 16)
        index += 1
    }
}

/// Room for the text that a C function leaves when it fails.
final class ErrorText {
    /// libpng's and the linker's messages are one line.
    private static let capacity = 256
    private(set) var text = ""

    /// Calls `body` with the room; `true` when it answers 0.
    func fill(_ body: (UnsafeMutablePointer<CChar>, Int) -> CInt) -> Bool {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.capacity) { room in
            guard let base = room.baseAddress else { return false }
            base.initialize(repeating: 0, count: Self.capacity)
            guard body(base, Self.capacity) != 0 else { return true }
            text = String(cString: base)
            return false
        }
    }
}
