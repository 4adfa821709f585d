public import ArgumentParser
public import Bundles
import Ground
import Storage

/// `canopy model`: make and look at bundles.
struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Make bundles of models, and look at them.",
        discussion: """
            A bundle is a folder in the form of an OCI image layout: the model, its labels, its \
            pre- and post-processing, calibration and evaluation, each by SHA-256. The SHA-256 of \
            its manifest is its id, and the only name that a topology may use.
            """,
        subcommands: [ImportModel.self, Inspect.self, Pack.self])

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify a bundle and show what it holds.")

        @Argument(help: "The bundle's folder.")
        var bundle: String

        @Flag(help: "Print it as JSON.")
        var json = false

        func run() throws {
            try attempt { () throws(Fault) in
                let verified = try VerifiedBundle(verifying: bundle, on: FileDisk())
                let inspection = try BundleInspection(verified)
                print(json ? inspection.json.line : inspection.text)
            }
        }
    }

    struct Pack: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Pack a source folder (bundle.json, model, labels …) into a bundle.")

        @Argument(help: "The source folder.")
        var source: String

        @Argument(help: "Folder of the bundle to be made.")
        var bundle: String

        func run() throws {
            try attempt { () throws(Fault) in
                print(try Packer(disk: FileDisk()).pack(source, to: bundle).id)
            }
        }
    }
}

/// `canopy model import`: a bundle from a bare model file.
struct ImportModel: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make a bundle from an ONNX, TFLite or OpenVINO model.",
        discussion: """
            Say how frames become the model's input, either with --image for pictures, with \
            --series for numbers, or with a preprocessing.json of your own; and whether the answer \
            is a class (--labels) or the raw tensors.

              canopy model import birds.onnx --name birds --image 224x224 \\
                --labels birds.txt \\
                --mean 123.7,116.3,103.5 --scale 0.0171,0.0175,0.0174 --output models/birds
            """)

    @Argument(help: "The model: a file ending in .onnx, .tflite or .xml (with its .bin beside it).")
    var model: String

    @Option(help: "Name of the bundle.")
    var name: String

    @Option(help: "Folder of the bundle to be made.")
    var output: String

    @Option(help: "Semantic version.")
    var modelVersion = "1.0.0"

    @Option(help: "Licence of the model as an SPDX expression.")
    var license = "NOASSERTION"

    @Option(help: "Pictures: the model's width and height, such as 224x224.")
    var image: String?

    @Option(help: "Pictures: rgb, bgr or gray.")
    var color: ImportedPreprocessing.ImageInput.Color = .rgb

    @Option(help: "Pictures: NCHW or NHWC.")
    var layout: ImportedPreprocessing.ImageInput.Layout = .channelsFirst

    @Option(help: "Pictures: what is subtracted from levels 0…255, one value a channel.")
    var mean: String?

    @Option(help: "Pictures: what the difference is multiplied with, one value a channel.")
    var scale: String?

    @Option(help: "Numbers: name and shape of the input, such as series:1,1,24.")
    var series: String?

    @Option(help: "A preprocessing.json, instead of --image and --series.")
    var preprocessing: String?

    @Option(help: "Text with one label a line; makes the bundle a classifier.")
    var labels: String?

    @Option(help: "Name of the model's output that holds the classes' logits.")
    var modelOutput = "logits"

    @Flag(help: "The output holds probabilities already: no softmax.")
    var probabilities = false

    @Option(help: "A calibration.json: temperature and scores.")
    var calibration: String?

    @Option(help: "An evaluation.json.")
    var evaluation: String?

    @Option(help: "Bytes that the model needs when it is loaded.")
    var memory: Int?

    @Option(help: "Hardware class that it is built for; may be repeated.")
    var hardware: [String] = ["cpu"]

    @Option(help: "int8, fp16 or fp32.")
    var precision = "fp32"

    func run() throws {
        var request = ImportRequest(
            model: model, name: name, version: modelVersion, licenses: license,
            preprocessing: try input(),
            postprocessing: labels == nil
                ? .raw
                : .classification(output: modelOutput, softmax: !probabilities, top: 5))
        request.labels = labels
        request.calibration = calibration
        request.evaluation = evaluation
        request.memory = memory
        request.hardware = hardware
        request.precision = precision
        try attempt { () throws(Fault) in
            let disk = FileDisk()
            let source = output + ".source"
            defer { try? disk.removeFolder(source) }
            let bundle = try request.run(source: source, output: output, on: disk)
            for note in request.notes { Console.error("note: \(note)") }
            print(bundle.id)
        }
    }

    private func input() throws -> ImportedPreprocessing {
        switch (preprocessing, image, series) {
        case (let path?, nil, nil): return .file(path)
        case (nil, let size?, nil): return .image(try picture(size))
        case (nil, nil, let text?):
            let parts = text.split(separator: ":")
            let shape = parts.last?.split(separator: ",").map { Int($0) } ?? []
            guard parts.count == 2, !shape.isEmpty, !shape.contains(nil) else {
                throw ValidationError("--series is '\(text)', expected NAME:N,N,… as series:1,1,24")
            }
            return .tensor(input: String(parts[0]), shape: shape.compactMap(\.self))
        default:
            throw ValidationError("give one of --image, --series and --preprocessing")
        }
    }

    private func picture(_ size: String) throws -> ImportedPreprocessing.ImageInput {
        let sides = size.split(separator: "x").map { Int($0) }
        guard sides.count == 2, let width = sides[0], let height = sides[1] else {
            throw ValidationError("--image is '\(size)', expected WIDTHxHEIGHT as 224x224")
        }
        var input = ImportedPreprocessing.ImageInput(width: width, height: height, color: color)
        input.layout = layout
        if let mean { input.mean = try numbers(mean, "--mean") }
        if let scale { input.scale = try numbers(scale, "--scale") }
        return input
    }

    private func numbers(_ text: String, _ option: String) throws -> [Double] {
        let values = text.split(separator: ",").map { Double($0) }
        guard !values.contains(nil) else {
            throw ValidationError("\(option) is '\(text)', expected numbers with commas between")
        }
        return values.compactMap(\.self)
    }
}

extension ImportedPreprocessing.ImageInput.Color: ExpressibleByArgument {}
extension ImportedPreprocessing.ImageInput.Layout: ExpressibleByArgument {}
