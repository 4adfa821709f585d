import Ground
import Foundation
import Testing

@testable import Inference

/// What PIL and numpy make of an image, and how near we must be.
struct GoldenCase: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let file: [UInt8]
    let preprocessing: String
    let expected: [UInt8]
    /// PNG pixels must be equal. JPEG pixels may differ by one level where the two libjpeg-turbo
    /// versions differ.
    let exact: Bool

    static let all = own + shared

    /// The cases that `own_fixtures.py` writes.
    static let own: [GoldenCase] = {
        let top = json(try! contents("Golden/own-cases.json")) as! [String: Any]
        let files = top["files"] as! [String: String]
        return (top["cases"] as! [[String: Any]]).map { entry in
            let name = entry["file"] as! String
            let text = String(
                decoding: try! JSONSerialization.data(withJSONObject: entry["preprocessing"]!),
                as: UTF8.self)
            return GoldenCase(
                testDescription: "\(name) \(text)", file: bytes(hex: files[name]!),
                preprocessing: text, expected: bytes(hex: entry["expected"] as! String),
                exact: entry["exact"] as! Bool)
        }
    }()

    /// The cases that `Tools/models/golden.py` writes, a folder each.
    static let shared: [GoldenCase] = {
        guard let list = try? contents("Golden/cases.json") else { return [] }
        return (json(list) as! [String]).map { name in
            let about = json(try! contents("Golden/\(name)/expected.json")) as! [String: Any]
            let file =
                (try? contents("Golden/\(name)/input.png"))
                ?? (try! contents("Golden/\(name)/input.jpg"))
            return GoldenCase(
                testDescription: name, file: file,
                preprocessing: String(
                    decoding: try! contents("Golden/\(name)/preprocessing.json"), as: UTF8.self),
                expected: try! contents("Golden/\(name)/expected.bin"),
                exact: about["exact"] as! Bool)
        }
    }()

    private static func json(_ bytes: [UInt8]) -> Any {
        try! JSONSerialization.jsonObject(with: Data(bytes))
    }
}

private func floats(_ bytes: [UInt8]) -> [Float] {
    bytes.withUnsafeBytes { raw in
        (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
}

@Suite struct `Preprocessing golden cases` {
    @Test(arguments: GoldenCase.all)
    func `An image becomes the tensor that PIL and numpy make of it`(golden: GoldenCase) throws {
        let made = try prepared(golden.file, golden.preprocessing)
        try #require(made.bytes.count == golden.expected.count)
        if golden.exact {
            let different = zip(made.bytes, golden.expected).count { $0 != $1 }
            #expect(different == 0, "of \(golden.expected.count) bytes")
        } else if made.bytes != golden.expected {
            let parsed = try Preprocessing(file: Array(golden.preprocessing.utf8))
            guard case .image(let image) = parsed else { return }
            if image.type == .uint8 {
                let worst = zip(made.bytes, golden.expected).map { abs(Int($0) - Int($1)) }.max()!
                #expect(worst <= 1)
            } else {
                let level = image.scale.max()!
                let worst = zip(floats(made.bytes), floats(golden.expected))
                    .map { abs($0 - $1) }.max()!
                #expect(worst <= level * 1.001)
            }
        }
    }

    @Test func `A pipeline gives the same tensor for the same image after other images`() throws {
        let cases = GoldenCase.own.filter { $0.preprocessing.contains("bicubic") }
        let image = try #require(cases.first)
        let first = try prepared(image.file, image.preprocessing)
        guard case .image(let rule) = try Preprocessing(file: Array(image.preprocessing.utf8))
        else { return }
        let pipeline = try ImagePipeline(rule, pixelLimit: 1 << 20)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
        defer { memory.deallocate() }
        for file in GoldenCase.own.map(\.file) + [image.file] {
            try file.withUnsafeBytes { try pipeline.run($0) { _ in memory } }
        }
        let same = memory[..<first.bytes.count].elementsEqual(first.bytes)
        #expect(same)
    }
}
