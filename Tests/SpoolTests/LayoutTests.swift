import Ground
import Testing

@testable import Spool

@Suite struct LayoutTests {
    @Test func `CRC32C is that of the standard, by instruction and by table`() {
        let digits = Array("123456789".utf8)
        digits.withUnsafeBytes {
            #expect(Checksum.crc32c($0) == 0xE306_9283)
            #expect(Checksum.portable($0) == 0xE306_9283)
        }
        var draws = Randomness(seed: 3)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: draws.next()) }
            let start = UInt32(truncatingIfNeeded: draws.next())
            bytes.withUnsafeBytes {
                #expect(
                    Checksum.crc32c($0, after: start) == Checksum.portable($0, after: start))
            }
            let middle = length / 3
            let parts = bytes[..<middle].withUnsafeBytes { Checksum.crc32c($0, after: start) }
            let joined = bytes[middle...].withUnsafeBytes { Checksum.crc32c($0, after: parts) }
            #expect(joined == bytes.withUnsafeBytes { Checksum.crc32c($0, after: start) })
        }
    }

    @Test func `Segments are known by their names, and nothing else is`() throws {
        for queue in SpoolQueue.allCases {
            for first in [1, 42, UInt64(1) << 62] {
                let found = try #require(SegmentName.parse(SegmentName.make(queue, first)))
                #expect(found == (queue, first))
            }
        }
        for name in [
            "state", "reserve", "result-1.segment", "result-00000000000000000000.segment",
            "results-00000000000000000001.segment", "result-00000000000000000001.segment.damaged",
            "result-99999999999999999999.segment", "result-0000000000000000000a.segment", "",
        ] { #expect(SegmentName.parse(name) == nil) }
    }

    @Test func `A state is read as it was written, and no changed bit of it is taken`() throws {
        var state = StateRecord(generation: 9, epoch: 77, queues: [])
        for index in 0..<SpoolQueue.allCases.count {
            var queue = StateRecord.Queue(
                settled: UInt64(index), next: UInt64(index) + 100, dropped: 3)
            for gap in 0..<GapList.limit {
                let from = UInt64(200 + 3 * gap)
                queue.gaps.add(SpoolGap(from: from, through: from + 1, reason: .damaged))
            }
            state.queues.append(queue)
        }
        let slab = Slab(capacity: StateRecord.size)
        let bytes = UnsafeMutableRawBufferPointer(start: slab.base, count: StateRecord.size)
        state.write(into: bytes)
        let raw = UnsafeRawBufferPointer(bytes)
        #expect(StateRecord.read(raw) == .state(state))
        for place in stride(from: 0, to: StateRecord.size, by: 7) {
            bytes[place] ^= 0x10
            #expect(StateRecord.read(raw) == .damaged)
            bytes[place] ^= 0x10
        }
    }

    @Test func `What a later version wrote is refused with words, and left alone`() throws {
        let disk = MemoryDisk()
        let spool = try openSpool(disk)
        try spool.append(.result, "a")
        try spool.commit()
        for path in [disk.segments(.result)[0], "s/state"] {
            let later = disk.copy()
            let file = later.files[path]!
            let checked = path == "s/state" ? StateRecord.size - 4 : 92
            for start in path == "s/state" ? [0, StateRecord.size] : [0] {
                file.bytes[start + 8] = 2
                let sum = file.bytes[start..<start + checked].withUnsafeBytes {
                    Checksum.crc32c($0)
                }
                file.bytes.withUnsafeMutableBytes { $0.put(sum, at: start + checked) }
            }
            let bytes = file.bytes
            let fault = #expect(throws: Fault.self) { try openSpool(later) }
            #expect(fault?.code == .unsupported)
            #expect(fault?.message.contains("version 2") == true)
            #expect(later.files[path]!.bytes == bytes)
        }
    }
}
