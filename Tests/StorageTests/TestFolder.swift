import Ground

@testable import Storage

/// A folder of its own, gone with the last reference.
final class TestFolder {
    let path: String
    let disk = FileDisk()

    init() throws {
        path = "/tmp/canopy-storage-\(UInt64.random(in: .min ... .max))"
        try disk.makeFolder(path)
    }

    deinit { try? disk.removeFolder(path) }

    subscript(name: String) -> String { "\(path)/\(name)" }
}
