import Ground
import Testing

@testable import Spool

@Suite struct SpoolTests {
    let disk = MemoryDisk()

    @Test func `What was committed is there after a restart, in its order`() throws {
        var spool = try openSpool(disk)
        for text in ["a", "b", "c"] { try spool.append(.result, text) }
        try spool.append(.audit, "by whom")
        try spool.commit()
        let epoch = spool.epoch
        spool = try openSpool(disk)
        #expect(try spool.all(.result) == ["a", "b", "c"])
        #expect(try spool.all(.audit) == ["by whom"])
        #expect(spool.epoch == epoch)
        #expect(try spool.append(.result, "d") == 4)
    }

    @Test func `Nothing is read before its commit, and a depth does not count it`() throws {
        let spool = try openSpool(disk)
        try spool.append(.result, "a")
        #expect(try spool.all(.result) == [])
        #expect(spool.depth(.result).records == 0)
        try spool.commit()
        #expect(try spool.all(.result) == ["a"])
        #expect(spool.depth(.result).records == 1)
    }

    @Test func `A record is acknowledged after its bytes and its segment's name are durable`()
        throws
    {
        let spool = try openSpool(disk)
        try spool.append(.result, "a")
        disk.log = []
        try spool.commit()
        let name = try #require(disk.segments(.result).first)
        #expect(disk.log == ["write \(name)", "sync \(name)", "sync folder"])
        // The next one is in the same segment, whose name is durable.
        try spool.append(.result, "b")
        disk.log = []
        try spool.commit()
        #expect(disk.log == ["write \(name)", "sync \(name)"])
    }

    @Test func `A commit that the disk refuses is no acknowledgement, and can be made again`()
        throws
    {
        let spool = try openSpool(disk)
        try spool.append(.result, "a")
        disk.refusals = ["sync"]
        #expect(throws: Fault.self) { try spool.commit() }
        #expect(try spool.all(.result) == [])
        disk.refusals = []
        try spool.append(.result, "b")
        try spool.commit()
        #expect(try spool.all(.result) == ["a", "b"])
        #expect(try openSpool(disk).all(.result) == ["a", "b"])
    }

    @Test func `After a failed sync nothing more is written behind what the disk may not have`()
        throws
    {
        let spool = try openSpool(disk)
        try spool.append(.result, "a")
        try spool.commit()
        try spool.append(.result, "b")
        disk.refusals = ["sync"]
        #expect(throws: Fault.self) { try spool.commit() }
        disk.refusals = []
        try spool.commit()
        #expect(disk.segments(.result).count == 2)
        #expect(try spool.all(.result) == ["a", "b"])
    }

    @Test func `The cursor is durable before a segment goes`() throws {
        let spool = try openSpool(disk) { $0.segmentBytes = 16 << 10 }
        let text = String(repeating: "x", count: 5_000)
        for _ in 0..<9 { try spool.append(.result, text) }
        try spool.commit()
        disk.log = []
        try spool.settle(.result, through: 7)
        let gone = disk.log.firstIndex { $0.hasPrefix("unlink") }
        let saved = disk.log.firstIndex(of: "sync s/state")
        #expect(try #require(saved) < #require(gone))
        #expect(try openSpool(disk).depth(.result).first == 8)
    }

    @Test func `A cursor that was not written settles nothing`() throws {
        let spool = try openSpool(disk)
        try spool.append(.result, "a")
        try spool.commit()
        disk.refusals = ["sync"]
        #expect(throws: Fault.self) { try spool.settle(.result, through: 1) }
        disk.refusals = []
        #expect(try spool.all(.result) == ["a"])
    }

    @Test func `Settling again does nothing, and what is not here cannot be settled`() throws {
        let spool = try openSpool(disk)
        for text in ["a", "b"] { try spool.append(.result, text) }
        try spool.commit()
        try spool.settle(.result, through: 2)
        disk.log = []
        try spool.settle(.result, through: 1)
        #expect(disk.log == [])
        #expect(throws: Fault.self) { try spool.settle(.result, through: 3) }
        #expect(try spool.append(.result, "c") == 3)
    }

    @Test func `Numbers go on although everything is settled`() throws {
        var spool = try openSpool(disk)
        for text in ["a", "b"] { try spool.append(.result, text) }
        try spool.commit()
        try spool.settle(.result, through: 2)
        spool = try openSpool(disk)
        #expect(disk.segments(.result) == [])
        #expect(try spool.append(.result, "c") == 3)
    }

    @Test func `A read keeps to its bounds, and gives one entry at least`() throws {
        let spool = try openSpool(disk)
        for _ in 0..<10 { try spool.append(.result, String(repeating: "x", count: 1_000)) }
        try spool.commit()
        #expect(try spool.read(.result, after: 0, records: 3, bytes: 1 << 20).count == 3)
        #expect(try spool.read(.result, after: 0, records: 99, bytes: 2_500).count == 2)
        #expect(try spool.read(.result, after: 4, records: 99, bytes: 1).map(\.last) == [5])
        #expect(try spool.read(.result, after: 10, records: 1, bytes: 1).isEmpty)
    }

    @Test func `Records of any size come back, from none to the longest`() throws {
        let spool = try openSpool(disk) { $0.recordBytes = 300_000 }
        let sizes = [0, 1, 7, 8, 4_095, 4_096, 100_000, 300_000]
        for size in sizes {
            let bytes = Bytes((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            try spool.append(.escalation, [bytes[0..<size / 3], bytes[size / 3..<size]])
        }
        try spool.commit()
        for (index, size) in sizes.enumerated() {
            let entries = try spool.read(
                .escalation, after: UInt64(index), records: 1, bytes: 1 << 20)
            guard case .record(_, let bytes) = try #require(entries.first) else {
                Issue.record("record \(index) is a gap")
                continue
            }
            #expect(bytes.array == (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        }
        #expect(throws: Fault.self) {
            try spool.append(.escalation, [Bytes([UInt8](repeating: 0, count: 300_001))])
        }
    }

    @Test func `What waits for a commit is bounded`() throws {
        let spool = try openSpool(disk) { $0.pendingBytes = 10_000 }
        for _ in 0..<50 { try spool.append(.result, String(repeating: "x", count: 900)) }
        #expect(spool.pending <= 11)
    }

    @Test func `Two processes do not share a spool`() throws {
        _ = try openSpool(disk)
        disk.isLocked = true
        #expect(throws: Fault.self) { try openSpool(disk) }
    }
}
