import Ground
import Testing

@testable import Cryptography

struct HashTests {
    /// FIPS 180-4 examples.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 gives the published digests`(text: String, hex: String) {
        #expect(Hash.sha256(Array(text.utf8)).hex == hex)
    }

    @Test func `Pieces give the digest of the whole, and a hasher starts anew`() {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        let hasher = StreamingHash()
        for _ in 0..<2 {
            for start in stride(from: 0, to: bytes.count, by: 777) {
                bytes[start..<min(start + 777, bytes.count)].withUnsafeBytes { hasher.update($0) }
            }
            #expect(hasher.finish() == Hash.sha256(bytes))
        }
    }

    @Test func `Random bytes have the length asked for and do not repeat`() throws {
        #expect(try SecureRandom.bytes(0).isEmpty)
        #expect(try SecureRandom.bytes(32) != SecureRandom.bytes(32))
    }
}
