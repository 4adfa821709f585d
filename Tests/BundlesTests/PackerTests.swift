import Cryptography
import Glibc
import Ground
import Storage
import Testing

@testable import Bundles

struct PackerTests {
    @Test func `The ids are those of the other packer of this format`() throws {
        let fixture = try BundleFixture()
        let bundle = try fixture.pack()
        #expect("\(bundle.id)" == BundleFixture.smallID)
        #expect("\(bundle.manifest.teacher ?? bundle.id)" == BundleFixture.teacherID)
    }

    @Test func `Two packings from two places at two times have the same bytes`() throws {
        let (one, two) = (try BundleFixture(), try BundleFixture())
        for name in try two.disk.list(two["src"]) {
            var times = [timeval(tv_sec: 1_000_000, tv_usec: 0), timeval(tv_sec: 2, tv_usec: 0)]
            #expect(utimes(two["src/\(name)"], &times) == 0)
        }
        let first = try one.pack()
        let second = try two.pack(to: "other/deep")
        #expect(first.id == second.id)
        let blobs = try one.disk.list(one["out/small/blobs/sha256"])
        #expect(try two.disk.list(two["other/deep/small/blobs/sha256"]) == blobs)
        for name in blobs.map({ "blobs/sha256/\($0)" }) + ["index.json", "oci-layout"] {
            #expect(try one.read("out/small/\(name)") == two.read("other/deep/small/\(name)"))
        }
    }

    @Test func `Every blob lies under its own digest`() throws {
        let fixture = try BundleFixture()
        try fixture.pack()
        for name in try fixture.disk.list(fixture["out/small/blobs/sha256"]) {
            #expect(Hash.sha256(try fixture.read("out/small/blobs/sha256/\(name)")).hex == name)
        }
    }

    @Test func `A changed byte, name or order of hardware makes another id`() throws {
        let fixture = try BundleFixture()
        var seen: Set<Digest> = [try fixture.pack().id]
        let about = String(decoding: try fixture.read("src/bundle.json"), as: UTF8.self)
        for (from, to) in [
            ("\"small\"", "\"other\""), ("20000000", "20000001"), ("\"cpu\"]", "\"cpu\",\"a\"]"),
            ("\"cpu\"]", "\"a\",\"cpu\"]"), ("\"distill\", ", ""), ("44", "45"),
        ] {
            try fixture.write("src/bundle.json", about.replacing(from, with: to))
            #expect(seen.insert(try fixture.pack().id).inserted, "\(to)")
        }
        try fixture.write("src/labels.txt", "cat\ncow\n")
        #expect(seen.insert(try fixture.pack().id).inserted)
    }

    @Test(arguments: [
        ("model.onnx", "the model is missing"),
        ("preprocessing.json", "preprocessing.json is missing"),
        ("postprocessing.json", "postprocessing.json is missing"),
        ("labels.txt", "labels.txt is missing"), ("bundle.json", "bundle.json"),
    ])
    func `A source folder without a file that is needed is refused by its name`(
        name: String, words: String
    ) throws {
        let fixture = try BundleFixture()
        try fixture.disk.makeFolder(fixture["out"])
        try fixture.disk.remove(fixture["teach/\(name)"])
        let fault = #expect(throws: Fault.self) {
            try Packer(disk: fixture.disk).pack(fixture["teach"], to: fixture["out/teach"])
        }
        #expect(fault?.message.contains(words) == true, "\(fault?.message ?? "")")
        #expect(try fixture.disk.list(fixture["out"]).isEmpty, "nothing is left behind")
    }

    @Test(arguments: [
        ("\"name\": \"small\"", "\"name\": \"../up\"", "cannot be a bundle's"),
        ("\"version\": \"1.0.0\"", "\"version\": \"latest\"", "no semantic version"),
        ("\"hardware\": [\"cpu\"]", "\"hardware\": []", "no hardware class"),
        ("\"hardware\": [\"cpu\"]", "\"hardware\": [\"a,b\"]", "no hardware class"),
        ("\"memory\": 20000000", "\"memory\": -1", "“memory” is the number -1"),
        ("\"memory\": 20000000", "\"memory\": 1.5", "“memory” is the number 1.5"),
        ("\"memory\"", "\"memroy\"", "“memory” is missing"),
        ("\"teacher\": \"teach\"", "\"teacher\": \"nobody\"", "the teacher nobody is not packed"),
        ("Apache-2.0 OR MIT", "", "no SPDX expression"),
        ("\"precision\"", "\"color\": 1, \"precision\"", "nothing is known of “color”"),
    ])
    func `A wrong bundle_json is refused in words`(from: String, to: String, words: String) throws {
        let fixture = try BundleFixture()
        let about = String(decoding: try fixture.read("src/bundle.json"), as: UTF8.self)
        #expect(about.contains(from))
        try fixture.write("src/bundle.json", about.replacing(from, with: to))
        let fault = #expect(throws: Fault.self) { try fixture.pack() }
        #expect(fault?.message.contains(words) == true, "\(fault?.message ?? "")")
    }

    @Test func `An unknown file and a second model are refused, a hidden file is left out`() throws
    {
        let fixture = try BundleFixture()
        try fixture.write("src/.DS_Store", "x")
        #expect("\(try fixture.pack().id)" == BundleFixture.smallID)
        try fixture.write("src/readme.txt", "x")
        #expect(throws: Fault.self) { try fixture.pack() }
        try fixture.disk.remove(fixture["src/readme.txt"])
        try fixture.write("src/model.tflite", "x")
        #expect(throws: Fault.self) { try fixture.pack() }
    }

    @Test func `A link among the sources is refused`() throws {
        let fixture = try BundleFixture()
        try fixture.disk.remove(fixture["src/labels.txt"])
        #expect(symlink("/etc/hostname", fixture["src/labels.txt"]) == 0)
        #expect(throws: Fault.self) { try fixture.pack() }
    }

    @Test func `A folder that is no bundle is never replaced`() throws {
        let fixture = try BundleFixture()
        try fixture.write("out/small/precious.txt", "mine")
        let fault = #expect(throws: Fault.self) { try fixture.pack() }
        #expect(fault?.message.contains("is no bundle") == true)
        #expect(try fixture.read("out/small/precious.txt") == Array("mine".utf8))
    }

    @Test func `Packing again replaces a bundle`() throws {
        let fixture = try BundleFixture()
        let first = try fixture.pack()
        try fixture.write("src/labels.txt", "a\nb\n")
        let second = try fixture.pack()
        #expect(first.id != second.id)
        #expect(try fixture.verify().id == second.id)
        #expect(try fixture.disk.list(fixture["out"]) == ["small", "teach"])
    }
}
