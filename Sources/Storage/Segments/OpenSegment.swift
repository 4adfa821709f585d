import Glibc
import Ground

/// One open file.
final class OpenSegment: SegmentFile {
    private let descriptor: Int32
    private let path: String
    private(set) var size: Int

    /// Most pieces that the kernel takes in one call (IOV_MAX).
    private static let piecesLimit = 1024

    /// Takes the descriptor over; a fault when it is no regular file.
    init(_ descriptor: Int32, _ path: String) throws(Fault) {
        self.descriptor = descriptor
        self.path = path
        var about = Glibc.stat()
        let result = fstat(descriptor, &about)
        size = Int(about.st_size)
        guard result == 0, about.st_mode & S_IFMT == S_IFREG else {
            throw Fault(
                .invalid, "\(path) is no regular file", remedy: "move it out of this folder")
        }
    }

    deinit { close(descriptor) }

    func lock() throws(Fault) {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else { throw DiskFault.make("lock", path) }
            throw Fault(
                .precondition, "another process uses \(path)",
                remedy: "end it, or give each node a folder of its own")
        }
    }

    func preallocate(_ bytes: Int) throws(Fault) {
        var result: Int32
        repeat { result = posix_fallocate(descriptor, 0, bytes) } while result == EINTR
        guard result == 0 else {
            errno = result
            let fault = DiskFault.make("take \(bytes) bytes for", path)
            // What a disk that is full gave before it noticed.
            ftruncate(descriptor, size)
            throw fault
        }
        size = max(size, bytes)
    }

    func truncate(_ bytes: Int) throws(Fault) {
        guard ftruncate(descriptor, bytes) == 0 else { throw DiskFault.make("cut", path) }
        size = bytes
    }

    func write(_ pieces: [UnsafeRawBufferPointer], at offset: Int) throws(Fault) {
        var vectors = pieces.filter { !$0.isEmpty }.map {
            iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
        }
        var next = 0
        var position = offset
        while next < vectors.count {
            let count = min(vectors.count - next, Self.piecesLimit)
            var written = vectors.withUnsafeBufferPointer {
                pwritev(descriptor, $0.baseAddress! + next, Int32(count), position)
            }
            if written < 0 {
                if errno == EINTR { continue }
                throw DiskFault.make("write", path)
            }
            position += written
            while written > 0 {
                let taken = min(written, vectors[next].iov_len)
                written -= taken
                if taken == vectors[next].iov_len {
                    next += 1
                } else {
                    vectors[next].iov_base += taken
                    vectors[next].iov_len -= taken
                }
            }
        }
        size = max(size, position)
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(Fault) -> Int {
        var total = 0
        while total < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + total, buffer.count - total, offset + total)
            if count < 0 {
                if errno == EINTR { continue }
                throw DiskFault.make("read", path)
            }
            if count == 0 { break }
            total += count
        }
        return total
    }

    func sync() throws(Fault) {
        guard fdatasync(descriptor) == 0 else { throw DiskFault.make("save", path) }
    }
}
