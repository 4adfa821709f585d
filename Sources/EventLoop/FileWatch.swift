internal import CLibuv
internal import Glibc
public import Ground

/// Calls a body when a file, or something in a folder, has changed and come to rest.
///
/// It watches the file's folder, so it also sees a file that is replaced by a rename, that does not
/// exist yet, or that is a link which is exchanged. It does not see a folder that is itself removed
/// and made anew.
public final class FileWatch: HandleOwner {
    /// Rest that must follow the last event: an editor or a copy writes in several steps.
    static let rest = Interval.milliseconds(100)
    /// Longest wait for that rest, when a file never comes to it.
    static let patience = Interval.seconds(1)

    private let path: String
    private let loop: Loop
    private let handle = UnsafeMutablePointer<uv_fs_event_t>.allocate(capacity: 1)
    private let body: () -> Void
    private let watchesFolder: Bool
    private var seen: Signature?
    private var firstEvent: Instant?
    private var lastEvent = Instant(nanoseconds: 0)
    private var isClosed = false

    /// What tells one state of a file from another.
    private struct Signature: Equatable {
        var inode: UInt
        var size: Int
        var seconds: Int
        var nanoseconds: Int
        var isFolder: Bool

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            inode = UInt(status.st_ino)
            size = Int(status.st_size)
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
            isFolder = status.st_mode & S_IFMT == S_IFDIR
        }
    }

    fileprivate init(_ path: String, on loop: Loop, body: @escaping () -> Void) throws(Fault) {
        self.path = path
        self.loop = loop
        self.body = body
        seen = Signature(path)
        watchesFolder = seen?.isFolder ?? false
        uv_fs_event_init(loop.uv, handle)
        handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
        let folder = watchesFolder ? path : Self.folder(of: path)
        let status = uv_fs_event_start(
            handle,
            { handle, _, _, _ in owner(handle!.pointee.data, as: FileWatch.self).noteEvent() },
            folder, 0)
        guard status == 0 else {
            close()
            throw Fault.uv(status, "watching \(path)")
        }
    }

    /// Ends the watch.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        handle.closeHandle()
    }

    func loopEnds() { close() }

    private func noteEvent() {
        lastEvent = loop.time.now
        guard firstEvent == nil else { return }
        firstEvent = lastEvent
        loop.schedule(after: Self.rest, check)
    }

    private func check() {
        guard !isClosed, let first = firstEvent else { return }
        let now = loop.time.now
        let rested = now - lastEvent
        guard rested >= Self.rest || now - first >= Self.patience else {
            loop.schedule(after: Self.rest - rested, check)
            return
        }
        firstEvent = nil
        let state = Signature(path)
        defer { seen = state }
        // Other files of the folder change too. A file that has gone is no news: a new one follows.
        if watchesFolder || (state != nil && state != seen) { body() }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

extension Loop {
    /// Watches the file or folder at `path`; `body` is called on the loop once a change has come to
    /// rest for 100 ms. Faults: the folder is not there, or the machine's inotify watches are
    /// spent.
    public func watch(
        _ path: String, _ body: @escaping () -> Void
    ) throws(Fault) -> FileWatch {
        assertOnLoop()
        return try FileWatch(path, on: self, body: body)
    }
}
