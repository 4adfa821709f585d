import Ground
import Storage
import Synchronization

/// The file of one loop's log. The loop leaves pieces here and never waits; whoever has time writes
/// them, in their order. From any thread.
final class RecordFile: Sendable {
    private struct Waiting {
        var pieces: [[UInt8]] = []
        var bytes = 0
    }

    /// The disk, used by one thread at a time. Sent by its lock alone.
    private struct Disk: @unchecked Sendable {
        var file: GrowingFile
        var fault: Fault?
    }

    private let waiting = Mutex(Waiting())
    private let disk: Mutex<Disk>

    init(_ path: String) throws(Fault) { disk = Mutex(Disk(file: try GrowingFile(making: path))) }

    /// Bytes that wait to be written.
    var behind: Int { waiting.withLock { $0.bytes } }

    func leave(_ piece: [UInt8]) {
        waiting.withLock {
            $0.pieces.append(piece)
            $0.bytes += piece.count
        }
    }

    /// Writes what waits. Blocks; says what the disk said, now or before.
    func write() -> Fault? {
        disk.withLock { disk in
            while disk.fault == nil, let piece = next() {
                do throws(Fault) {
                    try disk.file.append(piece)
                } catch {
                    disk.fault = error
                }
            }
            return disk.fault
        }
    }

    private func next() -> [UInt8]? {
        waiting.withLock { waiting in
            guard !waiting.pieces.isEmpty else { return nil }
            let piece = waiting.pieces.removeFirst()
            waiting.bytes -= piece.count
            return piece
        }
    }
}
