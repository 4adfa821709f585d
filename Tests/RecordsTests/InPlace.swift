import Glibc
import Ground

/// Writes a file without giving it another inode: whoever has it open sees it.
enum InPlace {
    static func write(_ path: String, _ bytes: [UInt8]) throws {
        let file = open(path, O_WRONLY)
        defer { close(file) }
        guard file >= 0, Glibc.pwrite(file, bytes, bytes.count, 0) == bytes.count else {
            throw Fault(.inner, "cannot overwrite \(path)")
        }
    }
}
