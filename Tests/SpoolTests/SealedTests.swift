import Cryptography
import Ground
import Testing

@testable import Spool

/// Records that are sealed where they lie.
@Suite struct SealedTests {
    let disk = MemoryDisk()
    let key: SealingKey
    let other: SealingKey

    init() throws {
        key = try SealingKey((0..<32).map { $0 })
        other = try SealingKey((1..<33).map { $0 })
    }

    private func contains(_ text: String) -> Bool {
        let wanted = Array(text.utf8)
        return disk.files.values.contains { file in
            file.bytes.indices.contains { file.bytes[$0...].starts(with: wanted) }
        }
    }

    @Test func `Nothing of a record is seen on the disk, and it comes back`() throws {
        let spool = try openSpool(disk) { $0.key = key }
        let large = "a secret " + String(repeating: "large ", count: 2_000)
        for text in ["a secret number", "", large] { try spool.append(.escalation, text) }
        try spool.commit()
        #expect(!contains("secret"))
        #expect(try spool.all(.escalation) == ["a secret number", "", large])
        let again = try openSpool(disk) { $0.key = key }
        #expect(try again.all(.escalation) == ["a secret number", "", large])
        try openSpool(disk, { $0.key = key }).append(.escalation, "more")
    }

    @Test func `The wrong key and none are refused, and nothing is taken for damaged`() throws {
        let spool = try openSpool(disk) { $0.key = key }
        try spool.append(.result, "a")
        try spool.commit()
        for wrong in [other, nil] {
            let fault = #expect(throws: Fault.self) { try openSpool(disk) { $0.key = wrong } }
            #expect(fault?.code == .precondition)
        }
        #expect(try openSpool(disk) { $0.key = key }.all(.result) == ["a"])
    }

    @Test func `What lay there open is read by a spool that seals`() throws {
        let spool = try openSpool(disk)
        try spool.append(.result, "open")
        try spool.commit()
        let sealing = try openSpool(disk) { $0.key = key }
        try sealing.append(.result, "sealed")
        try sealing.commit()
        #expect(try sealing.all(.result) == ["open", "sealed"])
    }

    @Test func `A record that was changed with its checksums does not open`() throws {
        let spool = try openSpool(disk) { $0.key = key }
        for text in ["a", "b"] { try spool.append(.result, text) }
        try spool.commit()
        let file = disk.files[disk.segments(.result)[0]]!
        let lineage = RecordHeader.lineage(epoch: spool.epoch, queue: .result, first: 1)
        file.bytes[4096 + 24] ^= 1
        let body = file.bytes[4096 + 24..<4096 + 24 + 17].withUnsafeBytes {
            Checksum.crc32c($0, after: lineage)
        }
        let header = RecordHeader(length: 17, sequence: 1, place: 0, count: 2, checksum: body)
        file.bytes.withUnsafeMutableBytes { raw in
            header.write(
                into: UnsafeMutableRawBufferPointer(rebasing: raw[4096..<4096 + 24]),
                lineage: lineage)
        }
        #expect(try openSpool(disk) { $0.key = key }.all(.result) == ["1…1 damaged", "b"])
    }

    @Test func `One text is never sealed twice alike`() throws {
        let spool = try openSpool(disk) { $0.key = key }
        for _ in 0..<2 { try spool.append(.result, "the same") }
        try spool.append(.alert, "the same")
        try spool.commit()
        let results = disk.files[disk.segments(.result)[0]]!.bytes
        let alerts = disk.files[disk.segments(.alert)[0]]!.bytes
        let sealed = [results[4120..<4144], results[4168..<4192], alerts[4120..<4144]]
        #expect(Set(sealed.map { Array($0) }).count == 3)
    }
}
