internal import CLibuv
internal import Glibc
public import Ground

/// The reading end of a pipe: a child's output, or this process's standard input.
public final class InputPipe: HandleOwner {
    private let pipe = UnsafeMutablePointer<uv_pipe_t>.allocate(capacity: 1)
    private let received: (UnsafeRawBufferPointer) -> Void
    private var ended: (() -> Void)?

    /// Takes `descriptor` over, also when it fails.
    init(
        _ descriptor: Int32, on loop: Loop, received: @escaping (UnsafeRawBufferPointer) -> Void,
        ended: @escaping () -> Void
    ) throws(Fault) {
        self.received = received
        self.ended = ended
        uv_pipe_init(loop.uv, pipe, 0)
        pipe.pointee.data = Unmanaged.passRetained(self).toOpaque()
        let status = uv_pipe_open(pipe, descriptor)
        guard status == 0 else {
            self.ended = nil
            pipe.closeHandle()
            Glibc.close(descriptor)
            throw Fault.uv(status, "reading from a pipe")
        }
        setReading(true)
    }

    /// Stops or resumes reading: the writer blocks when the pipe's 64 KiB are full.
    public func setReading(_ on: Bool) {
        guard ended != nil else { return }
        guard on else {
            uv_read_stop(pipe.asStream)
            return
        }
        uv_read_start(
            pipe.asStream,
            { handle, _, buffer in
                buffer!.pointee.base = Loop.of(handle!.pointee.loop).readBuffer
                    .assumingMemoryBound(to: CChar.self)
                buffer!.pointee.len = Loop.readCapacity
            },
            { handle, count, buffer in
                let pipe = owner(handle!.pointee.data, as: InputPipe.self)
                if count > 0 {
                    let base = UnsafeRawPointer(buffer!.pointee.base)
                    pipe.received(UnsafeRawBufferPointer(start: base, count: count))
                } else if count < 0 {
                    pipe.close()
                }
            })
    }

    /// Ends reading; the end is reported once.
    public func close() {
        guard let ended else { return }
        self.ended = nil
        pipe.closeHandle()
        ended()
    }

    func loopEnds() { close() }
}

extension Loop {
    /// Reads lines from a pipe or terminal of this process, such as standard input (0), and owns
    /// the descriptor from now on. `ended` is called once, at its end. Faults: it is a regular
    /// file.
    @discardableResult
    public func readLines(
        from descriptor: Int32, line: @escaping (OutputLine) -> Void, ended: @escaping () -> Void
    ) throws(Fault) -> InputPipe {
        assertOnLoop()
        let lines = LineBuffer(line)
        return try InputPipe(
            descriptor, on: self, received: lines.take,
            ended: {
                lines.end()
                ended()
            })
    }
}

/// A splitter that closures share.
final class LineBuffer {
    private var splitter = LineSplitter()
    private let line: (OutputLine) -> Void

    init(_ line: @escaping (OutputLine) -> Void) { self.line = line }

    func take(_ bytes: UnsafeRawBufferPointer) { splitter.take(bytes, line) }
    func end() { splitter.end(line) }
}
