import Foundation
import Ground
import Testing

@testable import Spool

/// Spools that former versions of the program wrote: `Tests/Golden/spool/README.md` says how.
@Suite struct GoldenTests {
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Golden/spool")

    private func disk(_ version: String) throws -> MemoryDisk {
        let disk = MemoryDisk()
        let folder = Self.folder.appending(path: version)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let file = MemoryDisk.File(disk, "s/\(name)")
            file.bytes = Array(try Data(contentsOf: folder.appending(path: name)))
            disk.files["s/\(name)"] = file
        }
        return disk
    }

    @Test(arguments: ["v1"])
    func `What a former version wrote is read, and goes on`(_ version: String) throws {
        let disk = try disk(version)
        let spool = try openSpool(disk)
        for queue in [SpoolQueue.escalation, .telemetry, .audit] {
            #expect(try spool.all(queue) == (1...3).map { "\(queue) \($0)" })
        }
        #expect(
            try spool.all(.result)
                == ["result 1", "result 2", "result 3", "4…4 overflow", "result 5"])
        #expect(try spool.all(.alert) == ["alert 3"])
        #expect(spool.depth(.result).dropped == 1)
        #expect(spool.epoch != 0)
        #expect(try spool.append(.alert, "alert 4") == 4)
        try spool.commit()
        #expect(try openSpool(disk).all(.alert) == ["alert 3", "alert 4"])
    }
}
