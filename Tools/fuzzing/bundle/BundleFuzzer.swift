import Bundles
import FuzzSupport
import Ground
import Inference

/// The first byte says which of a bundle's JSON files the rest is.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ base: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = Input(base, count)
    switch input.next() & 7 {
    case 0: json(input.array)
    case 1: manifest(input.array)
    case 2: configuration(input.array)
    case 3: _ = try? LayoutIndex(parsing: input.array, place: "index.json")
    case 4: _ = try? Preprocessing(file: input.array)
    case 5: _ = try? Postprocessing(file: input.array)
    case 6: calibration(input.array)
    default: _ = try? BundleAbout(parsing: input.array, place: "bundle.json")
    }
    return 0
}

/// A value's canonical bytes are read as the same value.
private func json(_ bytes: [UInt8]) {
    guard let value = try? JSON(parsing: bytes, place: "text") else { return }
    let again = try? JSON(parsing: value.canonical, place: "canonical")
    demand(again == value, "canonical bytes of \(value) are read as \(again as Any)")
    demand(again?.canonical == value.canonical, "canonical bytes stay as they are")
}

private func manifest(_ bytes: [UInt8]) {
    guard let manifest = try? BundleManifest(parsing: bytes, place: "manifest") else { return }
    let again = try? BundleManifest(parsing: manifest.encoded(), place: "encoded")
    demand(again == manifest, "a manifest is the same after encoding")
    // No sum of sizes that it admits may overflow.
    _ = manifest.totalSize
}

/// The configuration is read against a manifest, so both come, with a line feed between them.
private func configuration(_ bytes: [UInt8]) {
    guard let end = bytes.firstIndex(of: 0x0A) else { return }
    let parsed = try? BundleManifest(parsing: Array(bytes[..<end]), place: "manifest")
    guard let manifest = parsed else { return }
    _ = try? BundleConfiguration(
        parsing: Array(bytes[(end + 1)...]), of: manifest, place: "configuration")
}

private func calibration(_ bytes: [UInt8]) {
    guard let calibration = try? Calibration(file: bytes) else { return }
    let count = calibration.correct.count
    demand(
        [calibration.maxSoftmax, calibration.margin, calibration.entropy]
            .allSatisfy { $0.count == count }, "every item has all scores")
    demand(calibration.temperature > 0, "a temperature is above 0")
}
