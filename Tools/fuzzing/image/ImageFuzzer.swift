import FuzzSupport
import Ground
import Inference

/// Pixels that are taken at most: enough for every seed, and quick under the sanitizer.
private let pixelLimit = 1 << 18

/// What is done to the image: every colour, layout, type, filter and step.
private let preprocessings: [[UInt8]] = [
    file("gray", "FP32", "NCHW", #"{"op":"resize","width":28,"height":28,"filter":"box"}"#),
    file(
        "rgb", "FP32", "NCHW",
        #"{"op":"resize","shortest":64,"filter":"bilinear"},{"op":"crop","width":48,"height":48}"#),
    file(
        "bgr", "UINT8", "NHWC",
        #"{"op":"crop","fraction":0.875},{"op":"resize","width":33,"height":17,"filter":"bicubic"}"#
    ),
    file("rgb", "UINT8", "NHWC", #"{"op":"resize","width":40,"height":9,"filter":"nearest"}"#),
    file("gray", "UINT8", "NCHW", #"{"op":"resize","shortest":7,"filter":"bicubic"}"#),
    file("rgb", "FP32", "NHWC", ""),
]

private func file(_ color: String, _ type: String, _ layout: String, _ steps: String) -> [UInt8] {
    let start = #"{"version":1,"kind":"image","input":"image","color":""#
    return Array(
        (start + #"\#(color)","type":"\#(type)","layout":"\#(layout)","steps":[\#(steps)]}"#).utf8)
}

/// The first byte picks the preprocessing; from 128 on a PNG's checksums are mended first, so that
/// a changed header reaches the decoder.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ base: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = Input(base, count)
    let steer = Int(input.next())
    var image = input.array
    if steer >= 128 { mendChecksums(&image) }
    let preprocessing = preprocessings[steer % preprocessings.count]
    do throws(Fault) {
        // A copy that ends where the file does: reading past it is seen.
        try Bytes(image).withUnsafeBytes { (bytes) throws(Fault) in
            try fuzzImage(bytes, preprocessing: preprocessing, pixelLimit: pixelLimit)
        }
    } catch {
        demand(
            error.code == .invalid && error.source == .client,
            "only the image is to blame: \(error)")
    }
    return 0
}
