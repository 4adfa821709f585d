import Ground
import Storage

@testable import Bundles

/// A folder with two source folders, `src` and its teacher `teach`, gone with the last reference.
final class BundleFixture {
    let path: String
    let disk = FileDisk()

    /// What `Tools/models/pack.py` makes of the same two folders.
    static let teacherID = "sha256:1f44d5129a928392c4e9bc176f192fc191be0a733b2dab709b1caa77e32fc6b9"
    static let smallID = "sha256:b6fccd33840e1c46e8fee3b388eb3ab43713386a36f322a7bb2199e1aa5e4507"

    init() throws {
        // In memory where there is such a folder: every packing waits for the disk dozens of times.
        let base = disk.kind("/dev/shm") == .folder ? "/dev/shm" : "/tmp"
        path = "\(base)/canopy-bundles-\(UInt64.random(in: .min ... .max))"
        try write(
            "teach/bundle.json",
            """
            {"name": "teach", "version": "2.0.0-rc.1+b7", "licenses": "MIT",
             "hardware": ["cpu", "intel-gpu"], "memory": 1000000, "precision": "fp32"}
            """)
        try write(
            "src/bundle.json",
            #"""
            {"name": "small", "version": "1.0.0", "licenses": "Apache-2.0 OR MIT",
             "description": "Größe “klein”, \"quoted\" \\ tab\t/ \u0001 end",
             "hardware": ["cpu"], "memory": 20000000, "optimization": ["distill", "int8"],
             "teacher": "teach", "fp32_bytes": 44, "precision": "int8", "parameters": 11}
            """#)
        for folder in ["src", "teach"] { try writeCommon(folder) }
        try write(
            "src/calibration.json",
            #"{"version":1,"temperature":1.5,"fitted_on":"validation (n=4)","#
                + #""scores":{"source":"calibration (n=2)","max_softmax":[0.9,0.6],"#
                + #""margin":[0.8,0.2],"entropy":[0.7,0.1],"correct":[1,0]}}"#)
        try write("src/evaluation.json", #"{"version":1,"accuracy":0.9375}"#)
    }

    private func writeCommon(_ folder: String) throws {
        try write("\(folder)/model.onnx", "not really a model")
        try write("\(folder)/labels.txt", "cat\ndog\n")
        try write(
            "\(folder)/preprocessing.json",
            #"{"version":1,"input":"x","kind":"tensor","type":"FP32","shape":[1,2]}"# + "\n")
        try write(
            "\(folder)/postprocessing.json",
            #"{"version":1,"kind":"classification","output":"logits","#
                + #""activation":"softmax","top":2}"# + "\n")
    }

    deinit { try? disk.removeFolder(path) }

    subscript(name: String) -> String { "\(path)/\(name)" }

    func write(_ name: String, _ text: String) throws {
        try disk.makeFolder(
            String(self[name][..<(self[name].lastIndex(of: "/") ?? self[name].endIndex)]))
        try disk.replace(self[name], with: Array(text.utf8))
    }

    func read(_ name: String) throws -> [UInt8] { try disk.read(self[name], limit: 1 << 20) }

    /// Packs both into the folder `out`.
    @discardableResult
    func pack(to out: String = "out") throws -> VerifiedBundle {
        try disk.makeFolder(self[out])
        try Packer(disk: disk).pack(self["teach"], to: self["\(out)/teach"])
        return try Packer(disk: disk).pack(self["src"], to: self["\(out)/small"])
    }

    /// The blob of the bundle `out/small` that holds the file `name`, as a name in this fixture.
    func blob(_ name: String, of bundle: VerifiedBundle) throws -> String {
        guard let path = bundle.path(of: name) else { throw Fault(.notFound, name) }
        return String(path.dropFirst(self.path.count + 1))
    }

    func verify() throws -> VerifiedBundle {
        try VerifiedBundle(verifying: self["out/small"], on: disk)
    }
}
