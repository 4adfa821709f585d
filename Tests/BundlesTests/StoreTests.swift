import Cryptography
import Ground
import Storage
import Testing

@testable import Bundles

struct StoreTests {
    @Test func `A store finds bundles by id in any of its folders`() throws {
        let fixture = try BundleFixture()
        let bundle = try fixture.pack()
        try fixture.disk.makeFolder(fixture["empty"])
        let store = BundleStore(folders: [fixture["empty"], fixture["out"]], disk: fixture.disk)
        #expect(try store.list().entries.count == 2)
        #expect(try store.open(bundle.id).name == "small")
        #expect(try store.find("small").map(\.id) == [bundle.id])
        #expect(try store.find(bundle.id.short).map(\.id) == [bundle.id])
        #expect(try store.find("sha256:").isEmpty)
        let own = BundleStore(folders: [fixture["out/small"]], disk: fixture.disk)
        #expect(try own.open(bundle.id).name == "small")
    }

    @Test func `A bundle that is not there is told with those that are`() throws {
        let fixture = try BundleFixture()
        let bundle = try fixture.pack()
        let store = BundleStore(folders: [fixture["out"]], disk: fixture.disk)
        let fault = #expect(throws: Fault.self) { try store.open(Hash.sha256([9])) }
        #expect(fault?.code == .notFound)
        #expect(fault?.remedy?.contains(bundle.id.short) == true)
        let missing = BundleStore(folders: [fixture["none"]], disk: fixture.disk)
        #expect(throws: Fault.self) { try missing.list() }
    }

    @Test func `A damaged index spoils one bundle, not the store`() throws {
        let fixture = try BundleFixture()
        let bundle = try fixture.pack()
        try fixture.write("out/teach/index.json", "{")
        let store = BundleStore(folders: [fixture["out"]], disk: fixture.disk)
        #expect(try store.list().faults.count == 1)
        #expect(try store.open(bundle.id).name == "small")
    }

    @Test func `A second good copy serves when the first is damaged`() throws {
        let fixture = try BundleFixture()
        let bundle = try fixture.pack()
        try fixture.pack(to: "second")
        try fixture.write(try fixture.blob("labels.txt", of: bundle), "dog\ncat\n")
        let store = BundleStore(folders: [fixture["out"], fixture["second"]], disk: fixture.disk)
        #expect(try store.open(bundle.id).folder == fixture["second/small"])
        let alone = BundleStore(folders: [fixture["out"]], disk: fixture.disk)
        #expect(throws: Fault.self) { try alone.open(bundle.id) }
    }

    @Test func `Admission names both numbers and the place`() throws {
        let bundle = try BundleFixture().pack()
        try bundle.manifest.admit(on: "cpu", memory: 20_000_000, place: "t.yaml:7")
        let memory = #expect(throws: Fault.self) {
            try bundle.manifest.admit(on: "cpu", memory: 19_999_999, place: "t.yaml:7")
        }
        for words in ["t.yaml:7", "20000000", "19999999"] {
            #expect(memory?.message.contains(words) == true)
        }
        let hardware = #expect(throws: Fault.self) {
            try bundle.manifest.admit(on: "intel-npu", memory: .max, place: "t.yaml:7")
        }
        for words in ["t.yaml:7", "built for cpu", "intel-npu"] {
            #expect(hardware?.message.contains(words) == true)
        }
    }

    @Test func `Inspection tells accuracy, calibration and every file`() throws {
        let fixture = try BundleFixture()
        let bundle = try fixture.pack()
        let inspection = try BundleInspection(bundle)
        #expect(inspection.accuracy == 0.9375 && inspection.calibrationCount == 2)
        for words in [
            "\(bundle.id)", "distill → int8", "0.9375", "n = 2", "41 % of FP32", "labels.txt",
        ] {
            #expect(inspection.text.contains(words), "\(words)")
        }
        #expect(inspection.text.contains("Größe “klein”, \"quoted\" \\ tab·/ · end"))
        guard case .object(let json) = inspection.json else { throw Fault(.inner, "no object") }
        #expect(json["accuracy"] == .real(0.9375))
        #expect(json["teacher"] == .string(BundleFixture.teacherID))
        let teacher = try VerifiedBundle(verifying: fixture["out/teach"], on: fixture.disk)
        let bare = try BundleInspection(teacher)
        #expect(bare.accuracy == nil && bare.text.contains("not a risk"))
    }
}
