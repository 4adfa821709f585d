/// One line that a process or a pipe wrote.
public struct OutputLine: Hashable, Sendable {
    /// Without its end; bytes that are not UTF-8 appear as U+FFFD.
    public var text: String
    /// Whether the line was longer than the limit and its rest was dropped.
    public var isCut: Bool

    public init(text: String, isCut: Bool = false) {
        self.text = text
        self.isCut = isCut
    }
}

/// Cuts a stream of bytes into lines, in bounded memory.
public struct LineSplitter {
    /// Bytes of a line that are kept. Log lines of ffmpeg or an engine stay far below; a runaway
    /// line must not fill the memory.
    public static let limit = 16_384

    private var partial: [UInt8] = []
    private var isCut = false

    public init() {}

    /// Takes bytes in and yields each line that they end.
    public mutating func take(_ bytes: UnsafeRawBufferPointer, _ yield: (OutputLine) -> Void) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            append(rest[..<end])
            finish(yield, evenEmpty: true)
            rest = rest[(end + 1)...]
        }
        append(rest)
    }

    /// Yields a last line that no line feed ended.
    public mutating func end(_ yield: (OutputLine) -> Void) { finish(yield, evenEmpty: false) }

    private mutating func append(_ bytes: Slice<UnsafeRawBufferPointer>) {
        let room = Self.limit - partial.count
        partial.append(contentsOf: bytes.prefix(room))
        if bytes.count > room { isCut = true }
    }

    private mutating func finish(_ yield: (OutputLine) -> Void, evenEmpty: Bool) {
        guard evenEmpty || !partial.isEmpty else { return }
        if partial.last == UInt8(ascii: "\r") && !isCut { partial.removeLast() }
        let line = OutputLine(text: String(decoding: partial, as: UTF8.self), isCut: isCut)
        partial.removeAll(keepingCapacity: true)
        isCut = false
        yield(line)
    }
}
