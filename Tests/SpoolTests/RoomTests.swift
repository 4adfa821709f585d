import Ground
import Testing

@testable import Spool

/// Quotas and full disks.
@Suite struct RoomTests {
    let disk = MemoryDisk()
    private let text = String(repeating: "x", count: 1_000)

    private func fill(_ spool: Spool, _ queue: SpoolQueue, _ count: Int) throws {
        for index in 0..<count {
            try spool.append(queue, "\(index) \(text)")
            if index % 10 == 9 { try spool.commit() }
        }
        try spool.commit()
    }

    /// Entries of a queue: how many records, and the gaps.
    private func inventory(
        _ spool: Spool, _ queue: SpoolQueue
    ) throws -> (records: Int, gaps: [String]) {
        let all = try spool.all(queue)
        return (all.count { $0.hasSuffix(text) }, all.filter { !$0.hasSuffix(text) })
    }

    @Test func `The quota is never gone beyond, and what is lost is a gap`() throws {
        let spool = try openSpool(disk, quota: 256 << 10)
        try fill(spool, .result, 1_000)
        #expect(spool.held <= 256 << 10)
        #expect(disk.used <= 256 << 10)
        let (records, gaps) = try inventory(spool, .result)
        let depth = spool.depth(.result)
        #expect(gaps == ["1…\(depth.dropped) overflow"])
        #expect(records + Int(depth.dropped) == 1_000)
        #expect(depth.records == UInt64(records))
        #expect((1...1_000).allSatisfy { spool.holds(.result, $0) == ($0 > depth.dropped) })
        // All but the reserve, the cursors and what a segment's end wastes is used.
        #expect(records > 150)
    }

    @Test func `The quota holds after a restart with a backlog`() throws {
        try fill(openSpool(disk, quota: 256 << 10), .result, 300)
        for _ in 0..<5 {
            let spool = try openSpool(disk, quota: 256 << 10)
            try fill(spool, .result, 100)
            #expect(disk.used <= 256 << 10)
            #expect(spool.held >= disk.used)
        }
    }

    @Test func `A gap is durable before its segment goes, and is there after a restart`() throws {
        let spool = try openSpool(disk, quota: 256 << 10)
        disk.log = []
        try fill(spool, .result, 300)
        let gone = try #require(disk.log.firstIndex { $0.hasPrefix("unlink s/result") })
        #expect(disk.log[..<gone].last == "sync s/state")
        let before = try inventory(spool, .result)
        let after = try inventory(openSpool(disk, quota: 256 << 10), .result)
        #expect(before == after)
    }

    @Test func `Frames go before results, results before telemetry, and audit never`() throws {
        let spool = try openSpool(disk, quota: 1_100 << 10)
        for queue in SpoolQueue.allCases { try fill(spool, queue, 60) }
        try fill(spool, .alert, 500)
        #expect(try inventory(spool, .audit).records == 60)
        #expect(try inventory(spool, .escalation).records == 0)
        #expect(try inventory(spool, .escalation).gaps == ["1…60 overflow"])
        #expect(spool.depth(.result).dropped > 0)
        #expect(try inventory(spool, .telemetry).records == 60)
        #expect(spool.depth(.alert).dropped == 0)
    }

    @Test func `A full spool says so to audit, and goes on when it is drained`() throws {
        let spool = try openSpool(disk, quota: 256 << 10)
        var taken = 0
        let fault = #expect(throws: Fault.self) {
            while true {
                try spool.append(.audit, "\(taken) \(text)")
                taken += 1
            }
        }
        #expect(fault?.code == .exhausted)
        #expect(fault?.message.contains("audit") == true)
        try spool.commit()
        #expect(try inventory(spool, .audit).records == taken)
        // What is worth less finds no room either, and that is said.
        #expect(try spool.append(.result, "late") == 1)
        try spool.commit()
        #expect(try spool.all(.result) == ["1…1 overflow"])
        try spool.settle(.audit, through: UInt64(taken))
        #expect(try spool.append(.audit, "next") == UInt64(taken) + 1)
        try spool.append(.result, "in time")
        try spool.commit()
        #expect(try spool.all(.result) == ["1…1 overflow", "in time"])
    }

    @Test func `A disk that others fill is survived, and used again when there is room`() throws {
        let spool = try openSpool(disk, quota: 8 << 20)
        try fill(spool, .result, 100)
        disk.capacity = disk.used + 3_000
        try fill(spool, .result, 500)
        #expect(disk.used <= disk.capacity)
        try fill(spool, .alert, 20)
        #expect(try inventory(spool, .alert).records == 20)
        disk.capacity = .max
        let dropped = spool.depth(.result).dropped
        try fill(spool, .result, 200)
        #expect(spool.depth(.result).dropped == dropped)
        let (records, _) = try inventory(spool, .result)
        #expect(records + Int(dropped) == 800)
    }

    @Test func `A spool opens, drains and settles on a disk without any room`() throws {
        try fill(openSpool(disk), .result, 100)
        disk.capacity = 0
        let spool = try openSpool(disk)
        #expect(try inventory(spool, .result).records == 100)
        try spool.settle(.result, through: 50)
        #expect(try openSpool(disk).depth(.result).first == 51)
    }

    @Test func `The reserve is given up for a cursor, and taken again`() throws {
        let spool = try openSpool(disk)
        try fill(spool, .result, 10)
        disk.refusals = ["write"]
        // This disk refuses until room is made, as one does that copies what it writes over.
        #expect(throws: Fault.self) { try spool.settle(.result, through: 5) }
        #expect(disk.files["s/reserve"] == nil)
        disk.refusals = []
        try spool.settle(.result, through: 5)
        #expect(disk.files["s/reserve"] != nil)
    }

    @Test func `A spool cannot be made on a full disk, and says so`() throws {
        disk.capacity = 0
        let fault = #expect(throws: Fault.self) { try openSpool(disk) }
        #expect(fault?.code == .exhausted)
        disk.capacity = .max
        try fill(openSpool(disk), .result, 1)
    }

    @Test func `Many gaps become few by giving up what lies between the oldest`() throws {
        let spool = try openSpool(disk, quota: 512 << 10)
        for round in 0..<120 {
            // A frame larger than all that could be dropped for it, and one that fits.
            try spool.append(.escalation, [Bytes([UInt8](repeating: 1, count: 600_000))])
            try spool.append(.escalation, "\(round)")
            try spool.commit()
        }
        let all = try openSpool(disk, quota: 512 << 10).all(.escalation)
        #expect(all.count { $0.hasSuffix("overflow") } <= GapList.limit)
        #expect(all.last == "119")
        #expect(all.count > 80)
    }
}
