import Foundation
import Ground
import Testing

@testable import Inference

private let whole = """
    {"version":1,"input":"image","kind":"image","color":"rgb","steps":[],"layout":"NHWC",
     "type":"UINT8"}
    """

private func file(_ name: String) -> [UInt8] {
    GoldenCase.own.first { $0.testDescription.hasPrefix(name + " ") }!.file
}

/// One file of each reader's kind: baseline and progressive JPEG, plain and palette PNG.
private let victims = ["jpeg420", "jpeg-progressive", "picture", "palette4-transparent", "rgba16"]

private func decodes(_ file: [UInt8], pixelLimit: Int = 1 << 20) -> Bool {
    file.withUnsafeBytes { fuzzImage($0, pixelLimit: pixelLimit) }
}

@Suite struct `Damaged images` {
    @Test(arguments: victims)
    func `A file cut short anywhere is refused as the client's fault`(name: String) throws {
        let image = file(name)
        #expect(decodes(image))
        for count in stride(from: 0, to: image.count, by: image.count > 970 ? 97 : 7) {
            let problem = fault { try prepared(Array(image[..<count]), whole) }
            #expect(problem?.code == .invalid, "\(count) of \(image.count) bytes")
            #expect(problem?.source == .client)
        }
    }

    @Test(arguments: victims)
    func `A damaged file leaves nothing behind that harms the next`(name: String) throws {
        let image = file(name)
        let decoder = try ImageDecoder()
        func isSound(_ file: ArraySlice<UInt8>) -> Bool {
            Array(file).withUnsafeBytes { bytes in
                fault { _ = try decoder.decode(bytes, gray: false, pixelLimit: 1 << 20) } == nil
            }
        }
        for count in stride(from: 1, to: image.count, by: image.count > 970 ? 97 : 7) {
            #expect(!isSound(image[..<count]))
            #expect(isSound(image[...]), "after \(count) of \(image.count) bytes")
        }
    }

    @Test(arguments: victims)
    func `Two thousand files with flipped bits are decoded or refused, never worse`(name: String) {
        let image = file(name)
        var random = Randomness(seed: 2026)
        var refused = 0
        for _ in 0..<2000 {
            var damaged = image
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let bit = Int.random(in: 0..<image.count * 8, using: &random)
                damaged[bit / 8] ^= 1 << (bit % 8)
            }
            if !decodes(damaged) { refused += 1 }
        }
        #expect(refused > 0)
    }

    @Test func `An image of more pixels than the limit is refused by its header alone`() throws {
        // The header of a PNG of 60000 × 60000 pixels, and not one byte of them.
        var bomb = bytes(
            hex: "89504e470d0a1a0a0000000d49484452" + "0000ea600000ea60" + "0802000000")
        bomb += bytes(hex: "00000000")
        let crc = crc32(Array(bomb[12..<29]))
        for (index, shift) in [24, 16, 8, 0].enumerated() {
            bomb[29 + index] = UInt8(truncatingIfNeeded: crc >> UInt32(shift))
        }
        bomb += bytes(hex: "0000000049444154")
        let problem = try #require(fault { try prepared(bomb, whole) })
        #expect(problem.message.contains("60000 × 60000"))
        #expect(problem.message.contains("\(EngineSettings.defaultPixelLimit)"))
    }

    @Test func `A limit of exactly the image's pixels admits it`() {
        #expect(decodes(file("jpeg420"), pixelLimit: 71 * 45))
        #expect(!decodes(file("jpeg420"), pixelLimit: 71 * 45 - 1))
        #expect(decodes(file("picture"), pixelLimit: 61 * 37))
        #expect(!decodes(file("picture"), pixelLimit: 61 * 37 - 1))
    }

    @Test func `Bytes that are no image are named in the refusal`() throws {
        let problem = try #require(fault { try prepared(Array("GIF89a--".utf8), whole) })
        #expect(problem.code == .invalid)
        #expect(problem.message.contains("47 49 46 38"))
        #expect(fault { try prepared([], whole) }?.message.contains("empty") == true)
    }

    @Test func `An image smaller than its crop is refused with both sizes`() throws {
        let rule = whole.replacingOccurrences(
            of: "[]", with: #"[{"op":"crop","width":80,"height":10}]"#)
        let problem = try #require(fault { try prepared(file("jpeg420"), rule) })
        #expect(problem.code == .invalid)
        #expect(problem.message.contains("71 × 45") && problem.message.contains("80 × 10"))
    }
}

/// CRC-32 as PNG has it.
private func crc32(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in
        (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
        }
    }
}
