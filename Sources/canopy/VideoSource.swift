import EventLoop
import Foundation
import Ground
import Synchronization
import Wire

/// Frames of a video as JPEGs, through the `ffmpeg` program.
final class VideoSource: FrameSource {
    /// Frames that wait to be sent; ffmpeg waits when there are more.
    private static let mostWaiting = 64
    /// Largest JPEG of one frame.
    private static let largest = 32 << 20

    private let state = Mutex(State())
    private let changed = DispatchSemaphore(value: 0)
    private let room = DispatchSemaphore(value: VideoSource.mostWaiting)
    private let thread: LoopThread

    private struct State {
        var splitter = JPEGSplitter(limit: VideoSource.largest)
        var frames: [[UInt8]] = []
        var number = 0
        var end: Result<Void, Fault>?
        var words = ""
    }

    init(_ address: String) throws(Fault) {
        let live = address.hasPrefix("/dev/video") ? ["-f", "v4l2"] : []
        let command = Command(
            "ffmpeg",
            ["-nostdin", "-loglevel", "error"] + live
                + ["-i", address, "-an", "-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "3"]
                + ["pipe:1"])
        let box = Box()
        thread = try LoopThread(name: "canopy-video") { (loop) throws(Fault) in
            // The loop serves ffmpeg alone: waiting in it is what makes ffmpeg wait.
            _ = try loop.spawn(
                command, output: .bytes { box.source?.received($0) },
                errors: .lines { box.source?.said($0.text) }
            ) { exit in box.source?.ended(exit) }
        }
        box.source = self
    }

    /// Set once, before ffmpeg has opened its input; read on the loop.
    private final class Box: @unchecked Sendable { weak var source: VideoSource? }

    func next() async throws(Fault) -> SourceFrame? {
        while true {
            let (frame, end) = state.withLock { state -> ((Int, [UInt8])?, Result<Void, Fault>?) in
                guard !state.frames.isEmpty else { return (nil, state.end) }
                state.number += 1
                return ((state.number, state.frames.removeFirst()), nil)
            }
            if let (number, bytes) = frame {
                room.signal()
                return SourceFrame(
                    name: "frame \(number)",
                    input: InferTensor(name: "image", elements: [bytes]), label: nil)
            }
            if let end {
                thread.stop()
                try end.get()
                return nil
            }
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        let frames = state.withLock { $0.splitter.add(bytes) }
        for frame in frames {
            room.wait()
            state.withLock { $0.frames.append(frame) }
        }
    }

    private func said(_ line: String) {
        state.withLock { if $0.words.utf8.count < 4_096 { $0.words += line + " " } }
    }

    private func ended(_ exit: ChildExit) {
        state.withLock { state in
            if exit == .code(0) {
                state.end = .success(())
            } else {
                state.end = .failure(
                    Fault(
                        .unavailable, "ffmpeg ended with \(exit): \(state.words)",
                        remedy: "is ffmpeg installed, and does it open the address?"))
            }
        }
    }
}

/// Cuts a stream of JPEGs into files. Inside one, 0xFF 0xD9 stands only at its end: in coded data a
/// 0xFF is followed by 0x00, and ffmpeg writes no thumbnails.
struct JPEGSplitter {
    private var bytes: [UInt8] = []
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Takes bytes in and gives the files that they complete.
    mutating func add(_ more: UnsafeRawBufferPointer) -> [[UInt8]] {
        var files: [[UInt8]] = []
        for byte in more {
            bytes.append(byte)
            if byte == 0xD9, bytes.count >= 4, bytes[bytes.count - 2] == 0xFF {
                files.append(bytes)
                bytes.removeAll(keepingCapacity: true)
            } else if bytes.count > limit {
                bytes.removeAll()
            }
        }
        return files
    }
}
