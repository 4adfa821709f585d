import EventLoop
import Foundation
import Ground
import Synchronization
import Wire

/// Frames of a video as JPEGs, through the `ffmpeg` program.
final class VideoSource: FrameSource {
    /// Largest JPEG of one frame.
    fileprivate static let largest = 32 << 20

    private let feed = VideoFeed()
    private let input: String
    private let thread: LoopThread

    /// - Parameter input: name of the task's input.
    init(_ address: String, input: String) throws(Fault) {
        self.input = input
        let live = address.hasPrefix("/dev/video") ? ["-f", "v4l2"] : []
        let command = Command(
            "ffmpeg",
            ["-nostdin", "-loglevel", "error"] + live
                + ["-i", address, "-an", "-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "3"]
                + ["pipe:1"])
        let feed = feed
        thread = try LoopThread(name: "canopy-video") { (loop) throws(Fault) in
            // The loop serves ffmpeg alone: waiting in it is what makes ffmpeg wait.
            _ = try loop.spawn(
                command, output: .bytes { feed.received($0) }, errors: .lines { feed.said($0.text) }
            ) { exit in feed.ended(exit) }
        }
    }

    func next() async throws(Fault) -> SourceFrame? {
        while true {
            switch feed.take() {
            case .frame(let number, let bytes):
                return SourceFrame(
                    name: "frame \(number)",
                    input: InferTensor(name: input, elements: [bytes]), label: nil)
            case .end(let result):
                thread.stop()
                try result.get()
                return nil
            case .nothingYet:
                try? await Task.sleep(for: .milliseconds(2))
            }
        }
    }
}

/// What ffmpeg has given so far: filled on its loop, emptied by the sender.
private final class VideoFeed: Sendable {
    enum Taken {
        case frame(Int, [UInt8])
        case nothingYet
        case end(Result<Void, Fault>)
    }

    private struct State {
        var splitter = JPEGSplitter(limit: VideoSource.largest)
        var frames: [[UInt8]] = []
        var number = 0
        var end: Result<Void, Fault>?
        var words = ""
    }

    /// Frames that wait to be sent; ffmpeg waits when there are more.
    private static let mostWaiting = 64
    /// Bytes of ffmpeg's own words that are kept to explain its end.
    private static let mostWords = 4_096

    private let state = Mutex(State())
    private let room = DispatchSemaphore(value: VideoFeed.mostWaiting)

    func take() -> Taken {
        let taken = state.withLock { state -> Taken in
            guard !state.frames.isEmpty else { return state.end.map(Taken.end) ?? .nothingYet }
            state.number += 1
            return .frame(state.number, state.frames.removeFirst())
        }
        if case .frame = taken { room.signal() }
        return taken
    }

    func received(_ bytes: UnsafeRawBufferPointer) {
        let frames = state.withLock { $0.splitter.add(bytes) }
        for frame in frames {
            room.wait()
            state.withLock { $0.frames.append(frame) }
        }
    }

    func said(_ line: String) {
        state.withLock { if $0.words.utf8.count < Self.mostWords { $0.words += line + " " } }
    }

    func ended(_ exit: ChildExit) {
        state.withLock { state in
            guard exit != .code(0) else { return state.end = .success(()) }
            state.end = .failure(
                Fault(
                    .unavailable, "ffmpeg ended with \(exit): \(state.words)",
                    remedy: "is ffmpeg installed, and does it open the address?"))
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
