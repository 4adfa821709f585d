import Ground
import Testing

@testable import Spool

/// What a disk gives back that is not what it was given.
@Suite struct DamageTests {
    let disk = MemoryDisk()
    private let text = String(repeating: "x", count: 1_000)

    /// A spool of sixty results in five segments and three audit records.
    private func filled() throws -> Spool {
        let spool = try openSpool(disk) { $0.segmentBytes = 16 << 10 }
        for index in 0..<60 {
            try spool.append(.result, "\(index) \(text)")
            if index % 4 == 3 { try spool.commit() }
        }
        for text in ["a", "b", "c"] { try spool.append(.audit, text) }
        try spool.commit()
        return spool
    }

    private func isRecord(_ words: String) -> Bool { words.hasSuffix(text) }

    @Test func `What was on its way when a segment was full is unfinished, not damaged`() throws {
        let spool = try openSpool(disk) { $0.segmentBytes = 16 << 10 }
        try spool.append(.result, "0 \(text)")
        try spool.commit()
        let held = spool.held
        var last: UInt64 = 1
        // A second segment is made, and nothing of what waits was written when the process dies.
        while spool.held == held { last = try spool.append(.result, "\(last) \(text)") }
        let again = try openSpool(disk) { $0.segmentBytes = 16 << 10 }
        try again.append(.result, "after")
        try again.commit()
        #expect(try again.all(.result) == ["0 \(text)", "2…\(last - 1) unfinished", "after"])
        #expect(again.depth(.result).dropped == 0)
    }

    @Test func `A bad record is a gap, and what follows it is read`() throws {
        _ = try filled()
        let name = disk.segments(.result)[1]
        disk.files[name]!.bytes[4096 + 3_500] ^= 4
        let spool = try openSpool(disk)
        let all = try spool.all(.result)
        #expect(all.count { isRecord($0) } == 59)
        #expect(all.count { $0.hasSuffix("damaged") } == 1)
        // And read again, as a caller does whose upload failed.
        #expect(try spool.all(.result) == all)
    }

    @Test func `A bad link in a segment costs the records around it, not the rest`() throws {
        _ = try filled()
        let file = disk.files[disk.segments(.result)[1]]!
        // The header of its first record, and a page in its middle.
        file.bytes[4096] ^= 1
        for index in 8_192..<12_288 { file.bytes[index] = 0x55 }
        let all = try openSpool(disk).all(.result)
        #expect(all.count { isRecord($0) } >= 54)
        #expect(all.contains { $0.hasSuffix("damaged") })
    }

    @Test func `A bad segment is kept apart when it is settled, and the queue goes on`() throws {
        _ = try filled()
        let name = disk.segments(.result)[0]
        disk.files[name]!.bytes[5_000] ^= 1
        let spool = try openSpool(disk)
        _ = try spool.all(.result)
        try spool.settle(.result, through: 60)
        #expect(disk.files["\(name).damaged"] != nil)
        #expect(disk.files[name] == nil)
        #expect(spool.depth(.result).dropped == 1)
        #expect(try openSpool(disk).depth(.result).dropped == 1)
        #expect(try spool.append(.result, "on") == 61)
        try spool.commit()
        #expect(try spool.all(.result) == ["on"])
    }

    @Test func `Damaged segments that are kept are bounded`() throws {
        for _ in 0..<20 {
            let spool = try openSpool(disk)
            // In the last batch it might have been torn, and is no damage.
            for index in 0..<2 {
                try spool.append(.result, "\(index)")
                try spool.commit()
            }
            disk.files[disk.segments(.result)[0]]!.bytes[4096 + 24] ^= 1
            _ = try spool.all(.result)
            _ = try openSpool(disk).all(.result)
            let last = try openSpool(disk)
            _ = try last.all(.result)
            try last.settle(.result, through: last.depth(.result).next - 1)
        }
        let kept = disk.files.keys.filter { $0.hasSuffix("damaged") }
        #expect(!kept.isEmpty && kept.count <= Spool.mostQuarantined)
    }

    @Test(arguments: ["zeros", "ones", "empty", "half", "gone", "other"])
    func `Whatever happens to one file, the spool opens and the rest goes on`(
        _ harm: String
    ) throws {
        _ = try filled()
        for path in disk.files.keys.sorted() {
            let sick = disk.copy()
            let file = sick.files[path]!
            switch harm {
            case "zeros": file.bytes = [UInt8](repeating: 0, count: file.size)
            case "ones": file.bytes = [UInt8](repeating: 0xFF, count: file.size)
            case "empty": file.bytes = []
            case "half": file.bytes.removeLast(file.size / 2)
            case "gone": sick.files[path] = nil
            default: file.bytes = sick.files[sick.segments(.result)[3]]!.bytes
            }
            let spool = try openSpool(sick)
            let results = try spool.all(.result)
            let audits = try spool.all(.audit)
            if path.contains("result") {
                #expect(results.count { isRecord($0) } >= 60 - 16, "\(path) \(harm)")
                #expect(audits == ["a", "b", "c"], "\(path) \(harm)")
            } else if path.contains("audit") {
                #expect(results.count { isRecord($0) } == 60, "\(path) \(harm)")
            } else {
                #expect(results.count { isRecord($0) } == 60, "\(path) \(harm)")
                #expect(audits == ["a", "b", "c"], "\(path) \(harm)")
            }
            try spool.append(.result, "on")
            try spool.commit()
            #expect(try spool.all(.result).last == "on")
        }
    }

    @Test func `No single wrong bit is ever given as a record, and each is told`() throws {
        let small = try openSpool(disk)
        let texts = ["alpha", "beta", "", "gamma delta epsilon"]
        for text in texts { try small.append(.result, text) }
        try small.commit()
        let path = disk.segments(.result)[0]
        let end = 4096 + texts.reduce(0) { $0 + RecordHeader.framed($1.utf8.count) }
        for place in Array(0..<96) + Array(4096..<end) {
            for bit in [0, 3, 7] {
                let sick = disk.copy()
                sick.files[path]!.bytes[place] ^= UInt8(1) << bit
                let all = try openSpool(sick).all(.result)
                let records = all.filter { !$0.contains("…") }
                #expect(records.allSatisfy { texts.contains($0) }, "byte \(place), bit \(bit)")
                #expect(
                    records.count == 4 || all.count > records.count, "byte \(place), bit \(bit)")
                #expect(records.count >= 3, "byte \(place), bit \(bit)")
            }
        }
    }

    @Test func `A segment that was cut anywhere gives what is left of it`() throws {
        let small = try openSpool(disk)
        for text in ["alpha", "beta", "gamma"] { try small.append(.result, text) }
        try small.commit()
        let path = disk.segments(.result)[0]
        for length in Array(0..<100) + Array(4090..<4200) {
            let cut = disk.copy()
            let file = cut.files[path]!
            file.bytes.removeLast(max(file.size - length, 0))
            let all = try openSpool(cut).all(.result)
            let records = all.filter { !$0.contains("…") }
            #expect(["alpha", "beta", "gamma"].starts(with: records), "\(length) bytes")
        }
    }

    @Test func `Bytes of another segment are not taken for this one's`() throws {
        _ = try filled()
        let names = disk.segments(.result)
        let bytes = disk.files[names[0]]!.bytes
        disk.files[names[2]]!.bytes.replaceSubrange(4096..., with: bytes[4096...])
        let all = try openSpool(disk).all(.result)
        #expect(Set(all.filter(isRecord)).count == all.count { isRecord($0) })
        #expect(all.contains { $0.hasSuffix("damaged") })
    }

    @Test func `A number is not given again although its record is damaged`() throws {
        let spool = try openSpool(disk)
        for text in ["a", "b"] { try spool.append(.result, text) }
        try spool.commit()
        // The last record's header: nothing behind it tells that it was there.
        disk.files[disk.segments(.result)[0]]!.bytes[4096 + 32 + 9] ^= 1
        let again = try openSpool(disk)
        let number = try again.append(.result, "c")
        #expect(number > 2)
        try again.commit()
        #expect(try again.all(.result) == ["a", "2…\(number - 1) unfinished", "c"])
    }

    @Test func `Opening reads a page of each segment and the last of each queue`() throws {
        let spool = try openSpool(disk, quota: 64 << 20) { $0.segmentBytes = 64 << 10 }
        let block = String(repeating: "x", count: 30_000)
        for _ in 0..<1_000 { try spool.append(.result, block) }
        try spool.commit()
        let segments = disk.segments(.result).count
        #expect(segments > 400)
        disk.bytesRead = 0
        _ = try openSpool(disk, quota: 64 << 20) { $0.segmentBytes = 64 << 10 }
        #expect(disk.bytesRead <= segments * 4096 + 2 * (64 << 10) + StateFile.size)
    }

    @Test func `A lost cursor file makes another spool of it, which repeats and loses nothing`()
        throws
    {
        var spool = try filled()
        try spool.settle(.audit, through: 3)
        let epoch = spool.epoch
        disk.files["s/state"]!.bytes = []
        spool = try openSpool(disk)
        #expect(try spool.all(.result).count { isRecord($0) } == 60)
        var other = Randomness(seed: 8)
        disk.files["s/state"]!.bytes = []
        let settings = SpoolSettings(quota: 8 << 20)
        spool = try Spool(folder: "s", disk: disk, settings: settings, draw: { other.next() })
        #expect(spool.epoch != epoch)
        #expect(try spool.all(.result).count { isRecord($0) } == 60)
    }
}
