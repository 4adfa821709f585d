import Glibc
import Ground

/// An open file, closed with the last reference.
final class OpenFile {
    private let descriptor: Int32
    let path: String
    /// Bytes at the moment of opening; some files of the system say 0 and hold more.
    let size: Int

    /// Bytes read at a time: large enough that calls do not show, small enough for any stack of
    /// them.
    private static let pieceSize = 256 << 10

    /// Opens a regular file; never waits for one that is a pipe.
    init(reading path: String, followingLinks: Bool) throws(Fault) {
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followingLinks ? 0 : O_NOFOLLOW)
        descriptor = open(path, flags)
        self.path = path
        guard descriptor >= 0 else {
            size = 0
            throw DiskFault.make("read", path)
        }
        var about = Glibc.stat()
        let result = fstat(descriptor, &about)
        size = Int(about.st_size)
        guard result == 0, about.st_mode & S_IFMT == S_IFREG else {
            throw Fault(
                .invalid, "\(path) is no regular file", remedy: "give the path of a file")
        }
    }

    /// Makes a file that must not be there yet.
    init(making path: String, access: FileAccess) throws(Fault) {
        let mode: mode_t = access == .owner ? 0o600 : 0o644
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        self.path = path
        size = 0
        guard descriptor >= 0 else { throw DiskFault.make("make", path) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func requireSize(limit: Int) throws(Fault) {
        guard size <= limit else { throw tooLarge(size, limit) }
    }

    /// Gives all bytes in pieces; a fault when there are more than `limit`, also if it grew.
    func readAll(
        limit: Int, _ piece: (UnsafeRawBufferPointer) throws(Fault) -> Void
    ) throws(Fault) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(Self.pieceSize, max(size, 4096) + 1), alignment: 16)
        defer { buffer.deallocate() }
        var total = 0
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw DiskFault.make("read", path)
            }
            if count == 0 { return }
            total += count
            guard total <= limit else { throw tooLarge(total, limit) }
            try piece(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        var rest = bytes
        while rest.count > 0 {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw DiskFault.make("write", path)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    func sync() throws(Fault) {
        guard fsync(descriptor) == 0 else { throw DiskFault.make("save", path) }
    }

    private func tooLarge(_ count: Int, _ limit: Int) -> Fault {
        Fault(
            .exhausted, "\(path) has \(count) bytes or more, at most \(limit) are read here",
            remedy: "check that it is the right file")
    }
}
