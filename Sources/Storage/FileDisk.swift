import Glibc
public import Ground

/// The machine's file system.
public struct FileDisk: ContentDisk {
    public init() {}

    public func read(_ path: String, limit: Int) throws(Fault) -> [UInt8] {
        let file = try OpenFile(reading: path, followingLinks: true)
        try file.requireSize(limit: limit)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(file.size, limit))
        try file.readAll(limit: limit) { piece throws(Fault) in bytes.append(contentsOf: piece) }
        return bytes
    }

    public func stream(
        _ path: String, limit: Int, _ piece: (UnsafeRawBufferPointer) throws(Fault) -> Void
    ) throws(Fault) {
        let file = try OpenFile(reading: path, followingLinks: false)
        try file.requireSize(limit: limit)
        try file.readAll(limit: limit, piece)
    }

    public func replace(_ path: String, with bytes: [UInt8]) throws(Fault) {
        try replace(path, with: bytes, access: .everyone)
    }

    public func replace(
        _ path: String, with bytes: [UInt8], access: FileAccess
    ) throws(Fault) {
        try PathPut.put(path, access: access) { file throws(Fault) in
            try Bytes(bytes).withUnsafeBytes { piece throws(Fault) in try file.write(piece) }
        }
    }

    public func copy(_ path: String, to target: String, limit: Int) throws(Fault) {
        try PathPut.put(target, access: .everyone) { file throws(Fault) in
            try stream(path, limit: limit) { piece throws(Fault) in try file.write(piece) }
        }
    }

    public func list(_ folder: String) throws(Fault) -> [String] {
        let names = try FolderList.names(folder).filter { !PathPut.isTemporary($0) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    public func size(_ path: String) -> Int? {
        var about = Glibc.stat()
        guard stat(path, &about) == 0, about.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(about.st_size)
    }

    public func kind(_ path: String) -> FileKind? {
        var about = Glibc.stat()
        guard lstat(path, &about) == 0 else { return nil }
        switch about.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        case S_IFLNK: return .link
        default: return .other
        }
    }

    public func remove(_ path: String) throws(Fault) {
        guard unlink(path) == 0 else {
            if errno == ENOENT { return }
            throw DiskFault.make("remove", path)
        }
        try PathPut.syncFolder(of: path)
    }

    public func makeFolder(_ path: String) throws(Fault) {
        if mkdir(path, 0o755) == 0 { return try PathPut.syncFolder(of: path) }
        if errno == EEXIST {
            guard kind(path) != .folder else { return }
            var about = Glibc.stat()
            if stat(path, &about) == 0, about.st_mode & S_IFMT == S_IFDIR { return }
            throw Fault(
                .precondition, "\(path) is a file, a folder is needed there",
                remedy: "move it away or name another folder")
        }
        guard errno == ENOENT, path != PathPut.folder(of: path) else {
            throw DiskFault.make("make the folder", path)
        }
        try makeFolder(PathPut.folder(of: path))
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw DiskFault.make("make the folder", path)
        }
        try PathPut.syncFolder(of: path)
    }

    public func rename(_ path: String, to target: String) throws(Fault) {
        guard Glibc.rename(path, target) == 0 else {
            throw DiskFault.make("rename to \(target)", path)
        }
        try PathPut.syncFolder(of: target)
        try PathPut.syncFolder(of: path)
    }

    public func removeFolder(_ path: String) throws(Fault) {
        guard kind(path) != nil else { return }
        try removeAll(path)
        try PathPut.syncFolder(of: path)
    }

    /// Not synced on the way down: only the top's going must be durable.
    private func removeAll(_ path: String) throws(Fault) {
        guard kind(path) == .folder else {
            guard unlink(path) == 0 else { throw DiskFault.make("remove", path) }
            return
        }
        for name in try FolderList.names(path) { try removeAll("\(path)/\(name)") }
        guard rmdir(path) == 0 else { throw DiskFault.make("remove", path) }
    }
}
