import ArgumentParser
import Ground
import Spool
import Storage

/// `spool-proof backlog`: a spool of many gigabytes, without writing them.
struct Backlog: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a large spool whose frames are holes, but for the last segments.")

    @OptionGroup var options: SpoolOptions

    @Option(help: "Bytes of disk that it shall hold.")
    var bytes: Int

    func run() throws {
        var settings = SpoolSettings(quota: options.quota)
        settings.segmentBytes = options.segment
        let hollow = try Spool(
            folder: options.folder, disk: HollowDisk(), settings: settings, draw: { 1 })
        let frame = Bytes([UInt8](repeating: 7, count: 2 << 20))
        while hollow.held < bytes {
            try hollow.append(.escalation, [frame])
            try hollow.commit()
        }
    }
}

/// The real disk, to which large pieces are not written: their room is taken and reads as zero.
private struct HollowDisk: SegmentDisk {
    private let real = SegmentFiles()

    func open(_ path: String) throws(Fault) -> any SegmentFile {
        HollowFile(try real.open(path))
    }

    func make(_ path: String) throws(Fault) -> any SegmentFile { HollowFile(try real.make(path)) }

    func makeFolder(_ path: String) throws(Fault) { try real.makeFolder(path) }
    func list(_ folder: String) throws(Fault) -> [String] { try real.list(folder) }
    func unlink(_ path: String) throws(Fault) { try real.unlink(path) }
    func syncFolder(_ folder: String) throws(Fault) {}
    func freeRoom(_ folder: String) throws(Fault) -> Int { try real.freeRoom(folder) }
    func rename(_ path: String, to target: String) throws(Fault) {
        try real.rename(path, to: target)
    }
}

private final class HollowFile: SegmentFile {
    private let real: any SegmentFile

    init(_ real: any SegmentFile) { self.real = real }

    var size: Int { real.size }
    func lock() throws(Fault) { try real.lock() }
    func preallocate(_ bytes: Int) throws(Fault) { try real.preallocate(bytes) }
    func truncate(_ bytes: Int) throws(Fault) { try real.truncate(bytes) }
    func sync() throws(Fault) {}

    func write(_ pieces: [UnsafeRawBufferPointer], at offset: Int) throws(Fault) {
        var at = offset
        for piece in pieces {
            if piece.count < 1 << 20 { try real.write([piece], at: at) }
            at += piece.count
        }
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(Fault) -> Int { try real.read(into: buffer, at: offset) }
}
