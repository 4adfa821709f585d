internal import CLibuv
internal import Glibc
internal import Ground

/// libuv's name and text for a status, such as `ECONNREFUSED: connection refused`.
func uvText(_ status: Int32) -> String {
    // libuv's own strings; static for every status that libuv knows.
    "\(String(cString: uv_err_name(status))): \(String(cString: uv_strerror(status)))"
}

extension Fault {
    /// The fault for a negative libuv status that `doing` met; it reads as “connecting to a:1”.
    static func uv(_ status: Int32, _ doing: String) -> Fault {
        let message = "\(doing) failed with \(uvText(status))"
        switch status {
        case UV_EMFILE.rawValue, UV_ENFILE.rawValue:
            return Fault(
                .exhausted, message, remedy: "raise the limit of open files (LimitNOFILE=)",
                retry: .after(.milliseconds(100)))
        case UV_EADDRINUSE.rawValue:
            return Fault(
                .precondition, message, remedy: "stop the other listener or choose another port")
        case UV_EACCES.rawValue, UV_EPERM.rawValue:
            return Fault(.forbidden, message, remedy: "check the user's rights to it")
        case UV_EADDRNOTAVAIL.rawValue:
            return Fault(.invalid, message, remedy: "give an address that this machine has")
        case UV_ENOENT.rawValue, UV_ENOTDIR.rawValue:
            return Fault(.notFound, message, remedy: "check the path")
        case UV_ECANCELED.rawValue:
            return Fault(.cancelled, message)
        default:
            return Fault(.unavailable, message, source: .peer, retry: .elsewhere)
        }
    }

    /// The fault for `errno`, as it stands now.
    static func errno(_ doing: String) -> Fault { uv(-Glibc.errno, doing) }

    /// The fault of everything that was open when its loop ended.
    static var loopEnded: Fault { Fault(.cancelled, "the event loop has ended") }
}
