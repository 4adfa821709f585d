import Glibc
import Ground

/// Puts a file in its place such that a reader, and a power cut, meet the old or the new one only.
enum PathPut {
    private static let suffix = ".canopy-tmp"

    /// Writes a temporary file beside `path`, syncs it, renames it, and syncs the folder.
    static func put(
        _ path: String, access: FileAccess, _ fill: (OpenFile) throws(Fault) -> Void
    ) throws(Fault) {
        let temporary = temporaryName(for: path)
        do throws(Fault) {
            let file = try OpenFile(making: temporary, access: access)
            try fill(file)
            try file.sync()
            guard Glibc.rename(temporary, path) == 0 else { throw DiskFault.make("replace", path) }
        } catch {
            unlink(temporary)
            throw error
        }
        try syncFolder(of: path)
    }

    /// Names that a crash may leave behind; no list shows them.
    static func isTemporary(_ name: String) -> Bool {
        name.hasPrefix(".") && name.hasSuffix(suffix)
    }

    /// A rename or a new name is durable once its folder is.
    static func syncFolder(of path: String) throws(Fault) {
        let folder = folder(of: path)
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DiskFault.make("save the folder", folder) }
        defer { close(descriptor) }
        // Some file systems have no sync for folders and say EINVAL: nothing more can be done
        // there.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw DiskFault.make("save the folder", folder)
        }
    }

    /// The folder that holds `path`.
    static func folder(of path: String) -> String {
        guard let slash = trimmed(path).lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Random, since a process that starts again in a container has the same number as the last.
    private static func temporaryName(for path: String) -> String {
        "\(folder(of: path))/.\(String(UInt64.random(in: .min ... .max), radix: 36))\(suffix)"
    }

    private static func trimmed(_ path: String) -> Substring {
        var text = path[...]
        while text.count > 1, text.hasSuffix("/") { text = text.dropLast() }
        return text
    }
}
