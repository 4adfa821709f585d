import Glibc
public import Ground

/// The machine's file system, for segments.
public struct SegmentFiles: SegmentDisk, Sendable {
    public init() {}

    public func open(_ path: String) throws(Fault) -> any SegmentFile {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw DiskFault.make("open", path) }
        return try OpenSegment(descriptor, path)
    }

    public func make(_ path: String) throws(Fault) -> any SegmentFile {
        // Frames are private: nobody else reads what is owed.
        let descriptor = Glibc.open(
            path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw DiskFault.make("make", path) }
        return try OpenSegment(descriptor, path)
    }

    public func makeFolder(_ path: String) throws(Fault) { try FileDisk().makeFolder(path) }

    public func list(_ folder: String) throws(Fault) -> [String] {
        try FileDisk().list(folder)
    }

    public func rename(_ path: String, to target: String) throws(Fault) {
        guard Glibc.rename(path, target) == 0 else {
            throw DiskFault.make("rename to \(target)", path)
        }
    }

    public func unlink(_ path: String) throws(Fault) {
        guard Glibc.unlink(path) == 0 || errno == ENOENT else {
            throw DiskFault.make("remove", path)
        }
    }

    public func syncFolder(_ folder: String) throws(Fault) {
        try PathPut.syncFolder(of: "\(folder)/.")
    }

    public func freeRoom(_ folder: String) throws(Fault) -> Int {
        var about = statvfs()
        guard statvfs(folder, &about) == 0 else { throw DiskFault.make("measure", folder) }
        let (bytes, over) = Int(clamping: about.f_bavail).multipliedReportingOverflow(
            by: Int(clamping: about.f_frsize))
        return over ? .max : bytes
    }
}
