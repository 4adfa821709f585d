import Ground
import Testing

@testable import Compression

@Suite struct ZstdTests {
    private let text = Bytes(Array(repeating: Array("a frame, and another one; ".utf8), count: 400)
        .flatMap(\.self))

    private func code(_ body: () throws -> Bytes) -> Fault.Code? {
        do {
            _ = try body()
            return nil
        } catch {
            return (error as? Fault)?.code
        }
    }

    @Test func `What was compressed is shorter, and the same again`() throws {
        let packed = try Zstd.compressed(text)
        #expect(packed.count < text.count / 20)
        #expect(try Zstd.expanded(packed, size: text.count, limit: 1 << 20).array == text.array)
    }

    @Test func `Nothing stays nothing`() throws {
        let packed = try Zstd.compressed(Bytes([]))
        #expect(try Zstd.expanded(packed, size: 0, limit: 0).count == 0)
    }

    @Test func `A block of another size than stated is refused`() throws {
        let packed = try Zstd.compressed(text)
        for size in [text.count - 1, text.count + 1, 0] {
            #expect(code { try Zstd.expanded(packed, size: size, limit: 1 << 20) } == .corrupt)
        }
    }

    @Test func `A block that would be larger than the limit is refused before it is read`() throws {
        let packed = try Zstd.compressed(text)
        #expect(code { try Zstd.expanded(packed, size: text.count, limit: 100) } == .exhausted)
        #expect(code { try Zstd.expanded(packed, size: -1, limit: 100) } == .exhausted)
    }

    @Test func `Damaged and cut blocks never give bytes that were not there`() throws {
        let packed = try Zstd.compressed(text).array
        for place in packed.indices {
            var damaged = packed
            damaged[place] ^= 0x40
            if let plain = try? Zstd.expanded(
                Bytes(damaged), size: text.count, limit: 1 << 20)
            {
                // Some bits, such as reserved ones, mean nothing.
                #expect(plain.count == text.count)
            }
            let cut = Bytes(Array(packed[..<place]))
            #expect(code { try Zstd.expanded(cut, size: text.count, limit: 1 << 20) } == .corrupt)
        }
    }
}
