import Cryptography
import Ground
import Storage
import Testing

@testable import Bundles

/// Rewrites a bundle's manifest and index such that all digests fit, and says what is wrong then.
private func fault(_ from: String, _ to: String) throws -> Fault? {
    let fixture = try BundleFixture()
    let bundle = try fixture.pack()
    let blobs = "out/small/blobs/sha256/"
    let text = String(decoding: try fixture.read(blobs + bundle.id.hex), as: UTF8.self)
    guard text.contains(from) else { throw Fault(.inner, "the manifest holds no \(from)") }
    let changed = Array(text.replacing(from, with: to, maxReplacements: 1).utf8)
    let id = Hash.sha256(changed)
    try fixture.disk.remove(fixture[blobs + bundle.id.hex])
    try fixture.disk.replace(fixture[blobs + id.hex], with: changed)
    try fixture.disk.replace(
        fixture["out/small/index.json"], with: BundleManifest.index(id: id, size: changed.count))
    do {
        _ = try fixture.verify()
        return nil
    } catch let fault as Fault {
        return fault
    }
}

struct ManifestTests {
    @Test func `A manifest is written as it was read, byte for byte`() throws {
        let fixture = try BundleFixture()
        let bundle = try fixture.pack()
        let bytes = try fixture.read("out/small/blobs/sha256/\(bundle.id.hex)")
        let manifest = try BundleManifest(parsing: bytes, place: "manifest")
        #expect(manifest.encoded() == bytes)
        #expect(manifest == bundle.manifest)
    }

    @Test(arguments: [
        ("model.weight.v1.raw", "model.weight.v1.tar", "“mediaType” is"),
        ("\"labels.txt\"", "\"../labels.txt\"", "is no file of a bundle"),
        ("\"labels.txt\"", "\"/etc/passwd\"", "is no file of a bundle"),
        ("\"labels.txt\"", "\"model.onnx\"", "“mediaType” is"),
        ("\"labels.txt\"", "\"preprocessing.json\"", "comes twice"),
        ("\"size\":8}", "\"size\":9}", "has 8 bytes, expected 9"),
        ("\"size\":8}", "\"size\":9223372036854775807}", "at most 8388608 are taken"),
        ("\"size\":8}", "\"size\":99999999999999999999}", "“size” is"),
        ("\"size\":8}", "\"size\":-8}", "“size” is"),
        ("\"schemaVersion\":2", "\"schemaVersion\":3", "“schemaVersion” is not 2"),
        (
            "\"schemaVersion\":2", "\"schemaVersion\":2,\"subject\":{}",
            "nothing is known of “subject”"
        ),
        ("cncf.model.manifest", "oci.something", "“artifactType” is"),
        ("\"1.0.0\"", "\"latest\"", "no semantic version"),
        ("\"canopy.memory\":\"20000000\"", "\"canopy.memory\":\"2e7\"", "canopy.memory is"),
        ("\"canopy.memory\":\"20000000\"", "\"canopy.memory\":\"+5\"", "canopy.memory is"),
        ("\"canopy.memory\":\"20000000\"", "\"canopy.memory\":20000000", "expected a text"),
        ("\"canopy.hardware\":\"cpu\"", "\"canopy.hardware\":\"\"", "no hardware class"),
        ("\"canopy.hardware\":\"cpu\"", "\"canopy.hardware\":\"cpu,,x\"", "no hardware class"),
        ("\"canopy.teacher\":\"sha256:", "\"canopy.teacher\":\"sha256:A", "no bundle id"),
        ("\"small\"", "\"other\"", "“name” is “small”, expected “other”"),
        ("\"schemaVersion\":2", "\"schemaVersion\":2,\"schemaVersion\":2", "once"),
    ])
    func `A manifest whose digest is right and whose words are wrong is refused`(
        from: String, to: String, words: String
    ) throws {
        let message = try fault(from, to)?.message ?? "(accepted)"
        #expect(message.contains(words), "\(message)")
    }

    @Test func `Annotations of other tools are let by`() throws {
        let found = try fault(
            "\"annotations\":{\"canopy", "\"annotations\":{\"a.tool\":\"x\",\"canopy")
        #expect(found == nil, "\(found?.message ?? "")")
    }

    @Test(arguments: [
        ("\"manifests\":[", "\"manifests\":[{},", "2 manifests"),
        (
            "\"size\":",
            "\"annotations\":{\"org.opencontainers.image.ref.name\":\"latest\"},\"size\":",
            "“annotations”"
        ),
        ("\"digest\":\"sha256:", "\"digest\":\"latest:", "“digest” is"),
        ("\"schemaVersion\":2", "\"schemaVersion\":1", "not 2"),
        ("\"size\":", "\"size\":999", "at most 65536"),
    ])
    func `An index with a tag, several manifests or absurd sizes is refused`(
        from: String, to: String, words: String
    ) throws {
        let fixture = try BundleFixture()
        try fixture.pack()
        let text = String(decoding: try fixture.read("out/small/index.json"), as: UTF8.self)
        #expect(text.contains(from))
        try fixture.write(
            "out/small/index.json", text.replacing(from, with: to, maxReplacements: 1))
        let fault = #expect(throws: Fault.self) { try fixture.verify() }
        #expect(fault?.message.contains(words) == true, "\(fault?.message ?? "")")
    }

    @Test func `Cut and scrambled manifests are refused and never crash`() throws {
        let fixture = try BundleFixture()
        let bundle = try fixture.pack()
        let bytes = try fixture.read("out/small/blobs/sha256/\(bundle.id.hex)")
        var random = Randomness(seed: 11)
        for count in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: Fault.self) {
                try BundleManifest(parsing: Array(bytes.prefix(count)), place: "m")
            }
        }
        for _ in 0..<2_000 {
            var other = bytes
            for _ in 0..<3 {
                other[Int(random.next() % UInt64(other.count))] = UInt8(
                    truncatingIfNeeded: random.next())
            }
            _ = try? BundleManifest(parsing: other, place: "m")
        }
    }

    @Test func `Semantic versions are told from other texts`() {
        for text in ["0.0.0", "1.2.3", "1.0.0-rc.1", "1.0.0+b-7", "10.20.30-a+b"] {
            #expect(BundleFormat.isSemanticVersion(text), "\(text)")
        }
        for text in [
            "", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0+", "v1.0.0", "1..0",
            "latest", "1.0.0-a..b", "1.0.0 ",
        ] {
            #expect(!BundleFormat.isSemanticVersion(text), "\(text)")
        }
    }
}
