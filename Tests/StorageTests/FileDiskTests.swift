import Glibc
import Ground
import Testing

@testable import Storage

struct FileDiskTests {
    let disk = FileDisk()

    @Test func `What was put is read back, and put again replaces it`() throws {
        let folder = try TestFolder()
        for count in [0, 1, 4096, 700_000] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try disk.replace(folder["a"], with: bytes)
            #expect(try disk.read(folder["a"], limit: count) == bytes)
            #expect(disk.size(folder["a"]) == count)
        }
        #expect(try disk.list(folder.path) == ["a"])
    }

    @Test func `A file over the limit is refused with both sizes`() throws {
        let folder = try TestFolder()
        try disk.replace(folder["a"], with: [UInt8](repeating: 1, count: 101))
        let fault = #expect(throws: Fault.self) { try disk.read(folder["a"], limit: 100) }
        #expect(fault?.code == .exhausted)
        #expect(fault?.message.contains("101") == true && fault?.message.contains("100") == true)
    }

    @Test func `A file that says it is empty and is not is held to the limit`() throws {
        #expect(try disk.read("/proc/self/status", limit: 1 << 20).count > 100)
        #expect(throws: Fault.self) { try disk.read("/proc/self/status", limit: 10) }
    }

    @Test func `A missing file is not found, by its path`() throws {
        let folder = try TestFolder()
        let fault = #expect(throws: Fault.self) { try disk.read(folder["none"], limit: 1) }
        #expect(fault?.code == .notFound)
        #expect(fault?.message.contains(folder["none"]) == true)
        #expect(disk.size(folder["none"]) == nil)
        #expect(disk.kind(folder["none"]) == nil)
        try disk.remove(folder["none"])
    }

    @Test func `A folder, a pipe and a device are no files`() throws {
        let folder = try TestFolder()
        #expect(mkfifo(folder["pipe"], 0o600) == 0)
        for path in [folder.path, folder["pipe"], "/dev/zero"] {
            #expect(throws: Fault.self, "\(path)") { try disk.read(path, limit: 100) }
            #expect(disk.size(path) == nil)
        }
        #expect(disk.kind(folder["pipe"]) == .other)
    }

    @Test func `A link is followed for reading and refused for streaming`() throws {
        let folder = try TestFolder()
        try disk.replace(folder["a"], with: [7])
        #expect(symlink(folder["a"], folder["link"]) == 0)
        #expect(try disk.read(folder["link"], limit: 1) == [7])
        #expect(disk.kind(folder["link"]) == .link)
        let fault = #expect(throws: Fault.self) {
            try disk.readRegular(folder["link"], limit: 1)
        }
        #expect(fault?.code == .forbidden)
    }

    @Test func `Names are sorted by their bytes and leave out what a crash left`() throws {
        let folder = try TestFolder()
        for name in ["b", "a", "Z", "ä", "10", "9", ".x.canopy-tmp", ".hidden"] {
            try disk.replace(folder[name], with: [])
        }
        #expect(try disk.list(folder.path) == [".hidden", "10", "9", "Z", "a", "b", "ä"])
        try disk.removeFolder(folder.path)
        #expect(disk.kind(folder.path) == nil)
    }

    @Test func `A secret is readable by its owner only, also when it replaces an open file`() throws
    {
        let folder = try TestFolder()
        try disk.replace(folder["key"], with: [1])
        try disk.replace(folder["key"], with: [2], access: .owner)
        var about = Glibc.stat()
        #expect(stat(folder["key"], &about) == 0)
        #expect(about.st_mode & 0o777 == 0o600)
    }

    @Test func `A failed write leaves the old file and nothing beside it`() throws {
        let folder = try TestFolder()
        try disk.replace(folder["a"], with: [1])
        #expect(throws: Fault.self) { try disk.copy(folder["none"], to: folder["a"], limit: 9) }
        try disk.replace(folder["b"], with: [1, 2, 3])
        #expect(throws: Fault.self) { try disk.copy(folder["b"], to: folder["a"], limit: 2) }
        #expect(try disk.read(folder["a"], limit: 1) == [1])
        #expect(try FolderList.names(folder.path).sorted() == ["a", "b"])
    }

    @Test func `A full disk is told apart from other faults`() throws {
        errno = ENOSPC
        let fault = DiskFault.make("write", "/x")
        #expect(fault.code == .exhausted && fault.remedy?.contains("room") == true)
    }

    @Test func `Folders are made with those above, and a file in the way is named`() throws {
        let folder = try TestFolder()
        try disk.makeFolder(folder["a/b/c"])
        try disk.makeFolder(folder["a/b/c"])
        #expect(disk.kind(folder["a/b/c"]) == .folder)
        try disk.replace(folder["file"], with: [])
        let fault = #expect(throws: Fault.self) { try disk.makeFolder(folder["file"]) }
        #expect(fault?.message.contains("is a file") == true)
        try disk.rename(folder["a/b"], to: folder["moved"])
        #expect(disk.kind(folder["moved/c"]) == .folder)
    }

    @Test func `Removing a folder follows no link out of it`() throws {
        let folder = try TestFolder()
        try disk.makeFolder(folder["outside"])
        try disk.replace(folder["outside/keep"], with: [1])
        try disk.makeFolder(folder["inside"])
        #expect(symlink(folder["outside"], folder["inside/link"]) == 0)
        try disk.removeFolder(folder["inside"])
        #expect(disk.kind(folder["inside"]) == nil)
        #expect(try disk.read(folder["outside/keep"], limit: 1) == [1])
    }

    @Test func `A copy has the same bytes and a stream gives them in bounded pieces`() throws {
        let folder = try TestFolder()
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 9) }
        try disk.replace(folder["a"], with: bytes)
        try disk.copy(folder["a"], to: folder["b"], limit: bytes.count)
        #expect(try disk.readRegular(folder["b"], limit: bytes.count) == bytes)
        var largest = 0
        try disk.stream(folder["a"], limit: bytes.count) { largest = max(largest, $0.count) }
        #expect(largest <= 256 << 10)
    }
}
