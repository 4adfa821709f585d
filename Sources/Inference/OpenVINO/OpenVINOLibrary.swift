internal import COpenVINO
internal import Glibc
internal import Ground

/// OpenVINO's C library, opened: its functions and what its errors say.
final class OpenVINOLibrary: @unchecked Sendable {
    let functions: canopy_ov_functions
    /// The file it was opened from.
    let path: String
    /// The build, such as `2026.4.1-22982-…`.
    let version: String

    /// The variable that names the library's file, or the folder that it lies in.
    static let variable = "CANOPY_OPENVINO"
    private static let remedy =
        "run Tools/setup, which installs OpenVINO into .venv, or set \(variable) to its library"

    /// Opens the library: from `explicit`, or `CANOPY_OPENVINO`, or a `.venv` here or above the
    /// executable, or where the system's linker looks.
    ///
    /// - Throws: `.unavailable` when it is nowhere, `.unsupported` when it is not one that we know.
    init(explicit: String?) throws(Fault) {
        let problem = ErrorText()
        let candidates = Self.candidates(explicit: explicit)
        var said: [String] = []
        for candidate in candidates {
            var table: UnsafePointer<canopy_ov_functions>?
            _ = problem.fill {
                table = canopy_ov_open(candidate, $0, $1)
                return table == nil ? -1 : 0
            }
            guard let table else {
                said.append(problem.text)
                continue
            }
            functions = table.pointee
            path = candidate
            version = Self.version(table.pointee)
            try verify()
            return
        }
        throw Fault(
            .unavailable,
            "OpenVINO's C library could not be opened: \(said.joined(separator: "; "))",
            remedy: Self.remedy)
    }

    /// Whether a library would be found where the engine looks; nothing is opened.
    static var isInstalled: Bool {
        candidates(explicit: nil).contains { $0.contains("/") && access($0, R_OK) == 0 }
    }

    /// Throws what OpenVINO says when `status` is an error.
    ///
    /// - Parameter action: what was tried, such as `compiling sha256:…`; put together only when it
    ///   failed, since some are checked for each frame.
    func check(
        _ status: canopy_ov_status, _ code: Fault.Code, _ action: @autoclosure () -> String
    ) throws(Fault) {
        guard status != 0 else { return }
        let text = functions.last_error()
        defer { functions.free_text(text) }
        let lines = text.map { String(cString: $0) } ?? "status \(status)"
        let said = lines.split(separator: "\n").filter { !$0.hasPrefix("Exception from") }
        throw Fault(code, "\(action()) failed: \(said.joined(separator: " ").prefix(400))")
    }

    private static func version(_ table: canopy_ov_functions) -> String {
        var version = canopy_ov_version()
        guard table.get_version(&version) == 0 else { return "unknown" }
        defer { table.free_version(&version) }
        return version.build.map { String(cString: $0) } ?? "unknown"
    }

    /// Element types are plain numbers whose order has changed between releases: sizes show whether
    /// ours hold.
    private func verify() throws(Fault) {
        for type in Datatype.allCases {
            guard let number = type.openVINO, let size = type.size else { continue }
            var shape: Int64 = 1
            var bytes = 0
            var tensor: OpaquePointer?
            let status = withUnsafeMutablePointer(to: &shape) {
                functions.create_tensor(
                    CInt(number), canopy_ov_shape(rank: 1, dimensions: $0), &tensor)
            }
            if let tensor {
                _ = functions.tensor_size(tensor, &bytes)
                functions.free_tensor(tensor)
            }
            guard status == 0, bytes == size else {
                throw Fault(
                    .unsupported,
                    "\(path) (\(version)) numbers element types otherwise than 2026.4: "
                        + "\(type.rawValue) has \(bytes) bytes, not \(size)", remedy: Self.remedy)
            }
        }
    }
}

// Where the library may lie.
extension OpenVINOLibrary {
    private static func candidates(explicit: String?) -> [String] {
        if let explicit { return inside(explicit) }
        if let value = getenv(variable), value.pointee != 0 {
            return inside(String(cString: value))
        }
        return bases.flatMap {
            matches("\($0)/.venv/lib/python3*/site-packages/openvino/libs/\(name)*")
        }
            + [name]
    }

    private static let name = "libopenvino_c.so"

    /// The library that `path` names, as a file or as its folder.
    private static func inside(_ path: String) -> [String] {
        let found = matches("\(path)/\(name)*")
        return found.isEmpty ? [path] : found
    }

    /// The folders above the executable (the project, when it runs from its build folder), and last
    /// the working folder.
    private static var bases: [String] {
        var bases: [String] = []
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = max(readlink("/proc/self/exe", &buffer, buffer.count), 0)
        var folder = String(
            decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        while let slash = folder.lastIndex(of: "/"), slash != folder.startIndex {
            folder = String(folder[..<slash])
            bases.append(folder)
        }
        return bases + ["."]
    }

    private static func matches(_ pattern: String) -> [String] {
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(pattern, 0, nil, &result) == 0, let paths = result.gl_pathv else { return [] }
        return (0..<Int(result.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
    }
}

extension Datatype {
    /// OpenVINO's number of this type (2026.4), or `nil` for BYTES, which models cannot take here.
    var openVINO: Int32? {
        switch self {
        case .bool: 1
        case .bf16: 2
        case .fp16: 3
        case .fp32: 4
        case .fp64: 5
        case .int8: 7
        case .int16: 8
        case .int32: 9
        case .int64: 10
        case .uint8: 16
        case .uint16: 17
        case .uint32: 18
        case .uint64: 19
        case .bytes: nil
        }
    }
}
