import Ground
import Synchronization
import Testing

@testable import Cryptography

/// Files in memory, with who may read each.
private final class MemoryDisk: SecretDisk {
    struct File: Sendable {
        var bytes: [UInt8]
        var access: FileAccess
    }
    let files = Mutex<[String: File]>([:])

    func read(_ path: String, limit: Int) throws(Fault) -> [UInt8] {
        guard let file = files.withLock({ $0[path] }) else { throw Fault(.notFound, path) }
        guard file.bytes.count <= limit else { throw Fault(.exhausted, path) }
        return file.bytes
    }

    func replace(_ path: String, with bytes: [UInt8]) throws(Fault) {
        try replace(path, with: bytes, access: .everyone)
    }

    func replace(_ path: String, with bytes: [UInt8], access: FileAccess) throws(Fault) {
        files.withLock { $0[path] = File(bytes: bytes, access: access) }
    }

    func list(_ folder: String) throws(Fault) -> [String] { files.withLock { $0.keys.sorted() } }
    func size(_ path: String) -> Int? { files.withLock { $0[path]?.bytes.count } }
    func remove(_ path: String) throws(Fault) { files.withLock { $0[path] = nil } }
}

struct CredentialFilesTests {
    @Test func `A key is saved for its owner only and both files are read back`() throws {
        let disk = MemoryDisk()
        let files = CredentialFiles(folder: "tls", name: "leaf-1")
        let leaf = TestTrust.shared.leaf
        try files.save(leaf, on: disk)
        #expect(disk.files.withLock { $0["tls/leaf-1.key"]?.access } == .owner)
        #expect(disk.files.withLock { $0["tls/leaf-1.pem"]?.access } == .everyone)
        let loaded = try files.load(from: disk)
        #expect(loaded.certificateChain == leaf.certificateChain)
        #expect(loaded.privateKey == leaf.privateKey)
    }
}
