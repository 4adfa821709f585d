import Cryptography
import Glibc
import Ground
import Storage
import Testing

@testable import Bundles

struct VerifierTests {
    @Test func `A verified bundle gives its facts, small files and the model's path`() throws {
        let fixture = try BundleFixture()
        try fixture.pack()
        let bundle = try fixture.verify()
        #expect(bundle.name == "small" && bundle.version == "1.0.0" && bundle.memory == 20_000_000)
        #expect(bundle.hardware == ["cpu"] && bundle.manifest.optimization == ["distill", "int8"])
        #expect(bundle.manifest.fp32Bytes == 44 && bundle.configuration.parameters == 11)
        #expect(try bundle.contents(of: "labels.txt", limit: 100) == Array("cat\ndog\n".utf8))
        let path = try #require(bundle.path(of: "model.onnx"))
        #expect(try fixture.disk.read(path, limit: 100) == Array("not really a model".utf8))
        #expect(bundle.path(of: "model.xml") == nil)
        #expect(try bundle.contents(of: "../../etc/passwd", limit: 100) == nil)
        #expect(throws: Fault.self) { try bundle.contents(of: "labels.txt", limit: 7) }
    }

    @Test(arguments: [
        "model.onnx", "labels.txt", "preprocessing.json", "postprocessing.json",
        "calibration.json", "evaluation.json",
    ])
    func `One flipped bit in any file is found and the file is named`(name: String) throws {
        let fixture = try BundleFixture()
        let blob = try fixture.blob(name, of: fixture.pack())
        var bytes = try fixture.read(blob)
        bytes[bytes.count / 2] ^= 1
        try fixture.disk.replace(fixture[blob], with: bytes)
        let fault = #expect(throws: Fault.self) { try fixture.verify() }
        #expect(fault?.code == .corrupt)
        #expect(fault?.message.contains(name) == true)
    }

    @Test func `One flipped bit anywhere in the manifest or configuration is found`() throws {
        let fixture = try BundleFixture()
        let bundle = try fixture.pack()
        for digest in [bundle.id, bundle.manifest.configuration.digest] {
            let blob = "out/small/blobs/sha256/\(digest.hex)"
            let good = try fixture.read(blob)
            for index in stride(from: 0, to: good.count, by: 97) {
                var bytes = good
                bytes[index] ^= 4
                try fixture.disk.replace(fixture[blob], with: bytes)
                #expect(throws: Fault.self) { try fixture.verify() }
            }
            try fixture.disk.replace(fixture[blob], with: good)
        }
        #expect(try fixture.verify().id == bundle.id)
    }

    @Test(arguments: ["model.onnx", "labels.txt", "evaluation.json"])
    func `A missing or cut blob is told by the file's name`(name: String) throws {
        let fixture = try BundleFixture()
        let blob = try fixture.blob(name, of: fixture.pack())
        let bytes = try fixture.read(blob)
        try fixture.disk.replace(fixture[blob], with: Array(bytes.dropLast()))
        let cut = #expect(throws: Fault.self) { try fixture.verify() }
        #expect(
            cut?.message.contains("has \(bytes.count - 1) bytes, expected \(bytes.count)") == true)
        try fixture.disk.replace(fixture[blob], with: bytes + [0])
        #expect(throws: Fault.self) { try fixture.verify() }
        try fixture.disk.remove(fixture[blob])
        let gone = #expect(throws: Fault.self) { try fixture.verify() }
        #expect(gone?.code == .notFound)
        #expect(gone?.message.contains("\(name) of small is missing") == true)
    }

    @Test(arguments: ["extra.txt", "blobs/x", "blobs/sha256/\(String(repeating: "0", count: 64))"])
    func `A file that belongs to no part of the bundle is refused`(name: String) throws {
        let fixture = try BundleFixture()
        try fixture.pack()
        try fixture.write("out/small/\(name)", "x")
        let fault = #expect(throws: Fault.self) { try fixture.verify() }
        #expect(fault?.message.contains("belongs to no part") == true)
    }

    @Test func `A link in place of a blob or of the blobs' folder is refused`() throws {
        let fixture = try BundleFixture()
        let blob = try fixture.blob("labels.txt", of: fixture.pack())
        try fixture.disk.rename(fixture[blob], to: fixture["aside"])
        #expect(symlink(fixture["aside"], fixture[blob]) == 0)
        let fault = #expect(throws: Fault.self) { try fixture.verify() }
        #expect(fault?.message.contains("no regular file") == true)
        try fixture.pack()
        try fixture.disk.rename(fixture["out/small/blobs/sha256"], to: fixture["moved"])
        #expect(symlink(fixture["moved"], fixture["out/small/blobs/sha256"]) == 0)
        #expect(throws: Fault.self) { try fixture.verify() }
    }

    @Test func `Another bundle than the expected one is refused with both ids`() throws {
        let fixture = try BundleFixture()
        let bundle = try fixture.pack()
        let other = Hash.sha256([1])
        let fault = #expect(throws: Fault.self) {
            try VerifiedBundle(verifying: bundle.folder, expecting: other, on: fixture.disk)
        }
        #expect(fault?.message.contains("\(bundle.id)") == true)
        #expect(fault?.message.contains("\(other)") == true)
    }

    @Test func `A model that changes after verification is found by the recheck`() throws {
        let fixture = try BundleFixture()
        let bundle = try fixture.pack()
        try bundle.recheckModel()
        let blob = try fixture.blob("model.onnx", of: bundle)
        try fixture.write(blob, "not really a mode1")
        #expect(throws: Fault.self) { try bundle.recheckModel() }
        #expect(throws: Fault.self) { try bundle.contents(of: "model.onnx", limit: 1 << 20) }
        try fixture.write(try fixture.blob("labels.txt", of: bundle), "dog\ncat\n")
        #expect(try bundle.contents(of: "labels.txt", limit: 100) == Array("cat\ndog\n".utf8))
    }

    @Test func `An empty folder and no folder are no bundles`() throws {
        let fixture = try BundleFixture()
        let none = #expect(throws: Fault.self) {
            try VerifiedBundle(verifying: fixture["none"], on: fixture.disk)
        }
        #expect(none?.code == .notFound)
        #expect(throws: Fault.self) {
            try VerifiedBundle(verifying: fixture["src"], on: fixture.disk)
        }
    }
}
