import Glibc
import Ground

/// Reads a folder's names.
enum FolderList {
    /// Most names of one folder: a bundle has a dozen, a store some hundreds of bundles.
    static let limit = 100_000

    /// All names but `.` and `..`, in the file system's order.
    static func names(_ folder: String) throws(Fault) -> [String] {
        guard let stream = opendir(folder) else { throw DiskFault.make("list", folder) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw DiskFault.make("list", folder) }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            guard names.count < limit else {
                throw Fault(
                    .exhausted, "the folder \(folder) holds more than \(limit) names",
                    remedy: "clear it out or name another folder")
            }
            names.append(name)
        }
    }
}
