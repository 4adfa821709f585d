import EventLoop
import Foundation
import Ground
import Storage
import Wire

/// One frame to send.
struct SourceFrame: Sendable {
    /// Where it came from: a file, a line, a frame number.
    let name: String
    let input: InferTensor
    /// The true label, where the source knows it.
    let label: String?
}

/// Gives frames, one at a time, until there are none.
protocol FrameSource: Sendable {
    func next() async throws(Fault) -> SourceFrame?
}

/// Pictures of files and folders, in the order of their names.
actor PictureSource: FrameSource {
    /// Largest picture file: as large as a node takes by default.
    private static let largest = 64 << 20
    private static let endings = [".jpg", ".jpeg", ".png"]

    private let all: [String]
    private var paths: ArraySlice<String>
    private let repeats: Bool
    private let input: String
    private let disk = FileDisk()

    /// - Parameters:
    ///   - input: name of the task's input.
    ///   - repeats: whether the first comes again after the last.
    init(_ arguments: [String], input: String, repeats: Bool = false) throws(Fault) {
        self.input = input
        self.repeats = repeats
        var found: [String] = []
        let disk = FileDisk()
        for argument in arguments {
            if disk.kind(argument) == .folder {
                let names = try disk.list(argument).filter { name in
                    Self.endings.contains { name.lowercased().hasSuffix($0) }
                }
                found += names.map { "\(argument)/\($0)" }
            } else {
                found.append(argument)
            }
        }
        guard !found.isEmpty else {
            let places = arguments.joined(separator: ", ")
            throw Fault(.notFound, "there is no JPEG or PNG in \(places)")
        }
        all = found
        paths = found[...]
    }

    func next() async throws(Fault) -> SourceFrame? {
        if paths.isEmpty, repeats { paths = all[...] }
        guard let path = paths.popFirst() else { return nil }
        let bytes = try disk.read(path, limit: Self.largest)
        return SourceFrame(
            name: path, input: InferTensor(name: input, elements: [bytes]), label: nil)
    }
}

/// Rows of a CSV file as series of 32-bit floats.
actor SeriesSource: FrameSource {
    private static let largest = 256 << 20

    private var lines: ArraySlice<Substring>
    private var number = 0
    private let path: String
    private let input: TensorMetadata
    private let count: Int

    init(_ path: String, input: TensorMetadata) throws(Fault) {
        guard input.datatype == .fp32, input.shape.allSatisfy({ $0 > 0 }) else {
            throw Fault(
                .invalid,
                "the task's input '\(input.name)' is \(input.datatype.rawValue) \(input.shape), and"
                    + " a CSV row becomes FP32 of a fixed shape")
        }
        self.path = path
        self.input = input
        count = input.shape.reduce(1, *)
        let bytes = try FileDisk().read(path, limit: Self.largest)
        lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")[...]
    }

    func next() async throws(Fault) -> SourceFrame? {
        while let line = lines.popFirst() {
            number += 1
            let cells = line.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            let values = cells.prefix(count).compactMap(Float.init)
            // The first line may name the columns.
            if number == 1, values.count < min(count, cells.count) { continue }
            guard values.count == count, cells.count <= count + 1 else {
                throw Fault(
                    .invalid,
                    "\(path):\(number) has \(cells.count) columns, of which \(values.count) are"
                        + " numbers; expected \(count), and one more for a label")
            }
            let slab = Slab(capacity: count * 4)
            for (index, value) in values.enumerated() {
                slab.base.storeBytes(
                    of: value.bitPattern.littleEndian, toByteOffset: index * 4, as: UInt32.self)
            }
            let tensor = InferTensor(
                name: input.name, datatype: .fp32, shape: input.shape,
                contents: Bytes(slab: slab, start: 0, count: count * 4))
            return SourceFrame(
                name: "\(path):\(number)", input: tensor,
                label: cells.count > count ? cells[count] : nil)
        }
        return nil
    }
}
