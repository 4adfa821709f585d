import Glibc
import Ground

/// Turns `errno` into a fault.
enum DiskFault {
    /// The fault of what was just tried on `path`; read before any other call touches `errno`.
    static func make(_ tried: String, _ path: String) -> Fault {
        let number = errno
        let words = String(cString: strerror(number))
        let (code, remedy): (Fault.Code, String?) =
            switch number {
            case ENOENT: (.notFound, "check the path")
            case ENOTDIR, EISDIR, ENAMETOOLONG, EINVAL: (.invalid, "check the path")
            case ELOOP: (.forbidden, "a link stands where a regular file is needed")
            case EACCES, EPERM: (.forbidden, "give this user access to it")
            case ENOSPC, EDQUOT: (.exhausted, "make room on this disk")
            case EMFILE, ENFILE: (.exhausted, "raise the limit of open files")
            case EROFS: (.precondition, "the file system is read-only")
            case ENOTEMPTY, EEXIST: (.precondition, "another program writes there")
            default: (.unavailable, nil)
            }
        return Fault(code, "cannot \(tried) \(path): \(words)", remedy: remedy)
    }
}
