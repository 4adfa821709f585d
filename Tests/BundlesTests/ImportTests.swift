import Ground
import Storage
import Testing

@testable import Bundles

struct ImportTests {
    private func request(_ fixture: BundleFixture) -> ImportRequest {
        ImportRequest(
            model: fixture["src/model.onnx"], name: "mine", version: "0.1.0", licenses: "MIT",
            preprocessing: .tensor(input: "x", shape: [1, 2]), postprocessing: .raw)
    }

    private func run(_ request: ImportRequest, _ fixture: BundleFixture) throws -> VerifiedBundle {
        try request.run(source: fixture["made"], output: fixture["out/mine"], on: fixture.disk)
    }

    private func fixture() throws -> BundleFixture {
        let fixture = try BundleFixture()
        try fixture.pack()
        return fixture
    }

    @Test func `A bare model becomes a bundle, and the notes say what it lacks`() throws {
        let fixture = try fixture()
        let request = request(fixture)
        let bundle = try run(request, fixture)
        #expect(bundle.name == "mine" && bundle.memory == ImportRequest.memoryFloor)
        #expect(
            bundle.manifest.files.map(\.name) == [
                "model.onnx", "postprocessing.json", "preprocessing.json",
            ])
        #expect(request.notes.contains { $0.contains("not a risk") })
    }

    @Test func `Everything that is given is in the bundle`() throws {
        let fixture = try fixture()
        var request = request(fixture)
        request.preprocessing = .image(.init(width: 28, height: 28, color: .gray))
        request.postprocessing = .classification(output: "logits", softmax: true, top: 2)
        request.labels = fixture["src/labels.txt"]
        request.calibration = fixture["src/calibration.json"]
        request.evaluation = fixture["src/evaluation.json"]
        request.memory = 77
        request.hardware = ["cpu", "intel-npu"]
        let bundle = try run(request, fixture)
        #expect(bundle.memory == 77 && bundle.hardware == ["cpu", "intel-npu"])
        #expect(request.notes.isEmpty)
        let preprocessing = try #require(try bundle.contents(of: "preprocessing.json", limit: 4096))
        #expect(
            String(decoding: preprocessing, as: UTF8.self)
                == #"{"color":"gray","input":"image","kind":"image","layout":"NCHW","mean":[0.0],"#
                + #""scale":[0.00392156862745098],"steps":[{"fraction":1,"op":"crop"},"#
                + #"{"filter":"bilinear","height":28,"op":"resize","width":28}],"#
                + #""type":"FP32","version":1}"#)
        let inspection = try BundleInspection(bundle)
        #expect(inspection.calibrationCount == 2 && inspection.accuracy == 0.9375)
    }

    @Test func `OpenVINO's description brings its weights along`() throws {
        let fixture = try fixture()
        try fixture.write("ir/net.xml", "<net/>")
        var request = request(fixture)
        request.model = fixture["ir/net.xml"]
        #expect(throws: Fault.self) { try run(request, fixture) }
        try fixture.write("ir/net.bin", "weights")
        let bundle = try run(request, fixture)
        #expect(bundle.path(of: "model.bin") != nil)
        #expect(bundle.configuration.format == "openvino")
    }

    @Test func `A classification without labels is refused and nothing is left behind`() throws {
        let fixture = try fixture()
        var request = request(fixture)
        request.postprocessing = .classification(output: "logits", softmax: true, top: 2)
        let fault = #expect(throws: Fault.self) { try run(request, fixture) }
        #expect(fault?.message.contains("labels.txt is missing") == true)
        #expect(fixture.disk.kind(fixture["made"]) == nil)
        #expect(fixture.disk.kind(fixture["out/mine"]) == nil)
    }

    @Test func `Wrong endings, missing models and odd values are refused in words`() throws {
        let fixture = try fixture()
        var requests: [(ImportRequest, String)] = []
        func add(_ words: String, _ change: (inout ImportRequest) -> Void) {
            var changed = request(fixture)
            change(&changed)
            requests.append((changed, words))
        }
        add("expected onnx, tflite or xml") { $0.model = fixture["src/labels.txt"] }
        add("there is no model") { $0.model = fixture["none.onnx"] }
        add("cannot be a bundle's") { $0.name = "a/b" }
        add("not made of whole numbers") { $0.preprocessing = .tensor(input: "x", shape: [1, -1]) }
        add("expected 3 finite") {
            var image = ImportedPreprocessing.ImageInput(width: 2, height: 2)
            image.mean = [1]
            $0.preprocessing = .image(image)
        }
        add("memory is -5") { $0.memory = -5 }
        add("line 1") { $0.calibration = fixture["src/labels.txt"] }
        for (request, words) in requests {
            let fault = #expect(throws: Fault.self) { try run(request, fixture) }
            #expect(fault?.message.contains(words) == true, "\(fault?.message ?? "")")
        }
    }

    @Test func `Sources that are there are not overwritten`() throws {
        let fixture = try fixture()
        try fixture.write("made/notes.txt", "mine")
        #expect(throws: Fault.self) { try run(request(fixture), fixture) }
        #expect(try fixture.read("made/notes.txt") == Array("mine".utf8))
    }
}
