/// A tar file (POSIX ustar) that depends on names and contents alone: no time, no owner.
struct TarArchive {
    /// Ends with two empty blocks.
    static let trailer = 1024
    private static let block = 512

    private(set) var bytes: [UInt8] = []

    /// Bytes that a file of this size takes.
    static func size(of count: Int) -> Int { block + (count + block - 1) / block * block }

    /// Appends a file. Names are ASCII, of at most 100 bytes.
    mutating func add(_ name: String, _ content: [UInt8]) {
        precondition(name.utf8.count <= 100)
        var head = [UInt8](repeating: 0, count: Self.block)
        func put(_ text: String, at start: Int) {
            for (index, unit) in text.utf8.enumerated() { head[start + index] = unit }
        }
        put(name, at: 0)
        put("0000644\0", at: 100)
        put("0000000\0", at: 108)
        put("0000000\0", at: 116)
        put(Self.octal(content.count, digits: 11), at: 124)
        put(Self.octal(0, digits: 11), at: 136)
        // The sum counts its own field as blanks.
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar\u{0}00", at: 257)
        let sum = head.reduce(0) { $0 + Int($1) }
        put(Self.octal(sum, digits: 6) + "\0", at: 148)
        bytes += head
        bytes += content
        bytes += [UInt8](
            repeating: 0, count: Self.size(of: content.count) - Self.block - content.count)
    }

    /// The whole file.
    func finished() -> [UInt8] { bytes + [UInt8](repeating: 0, count: Self.trailer) }

    private static func octal(_ number: Int, digits: Int) -> String {
        let text = String(number, radix: 8)
        return String(repeating: "0", count: max(digits - text.utf8.count, 0)) + text
    }
}
