internal import Ground

/// Reads words that were written one after the other, seven bits a byte.
struct WordReader {
    let bytes: [UInt8]
    private(set) var place: Int
    /// Whether something was asked for that lies beyond the end.
    private(set) var isShort = false

    init(_ bytes: [UInt8], from place: Int) {
        self.bytes = bytes
        self.place = place
    }

    var isAtEnd: Bool { place >= bytes.count }

    mutating func word() throws(Fault) -> UInt64 {
        var word: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64 {
            guard place < bytes.count else {
                isShort = true
                break
            }
            let byte = bytes[place]
            place += 1
            // The tenth byte has one bit left.
            guard shift < 63 || byte <= 1 else { break }
            word |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return word }
            shift += 7
        }
        throw fault("a number has no end")
    }

    mutating func integer() throws(Fault) -> Int { Int(truncatingIfNeeded: try word()) }

    /// The number of things that follow: no more than a record ever has.
    mutating func count() throws(Fault) -> Int {
        let count = try integer()
        guard (0...Self.mostThings).contains(count) else { throw fault("\(count) things") }
        return count
    }

    /// A node says at most some effects for each frame that it remembers.
    private static let mostThings = 1 << 20

    mutating func digest() throws(Fault) -> Digest {
        guard let digest = Digest(bytes: try raw(32)) else { throw fault("a digest is missing") }
        return digest
    }

    mutating func flag() throws(Fault) -> Bool {
        let word = try word()
        guard word <= 1 else { throw fault("\(word) came where 0 or 1 was expected") }
        return word == 1
    }

    mutating func number() throws(Fault) -> Double? {
        let word = try word()
        guard word != .max else { return nil }
        let number = Double(bitPattern: word)
        guard number >= 0, number <= 1 else { throw fault("\(number) is not from 0 to 1") }
        return number
    }

    /// The case whose number comes next.
    mutating func one<Case>(of numbered: [Case]) throws(Fault) -> Case {
        let number = try integer()
        guard numbered.indices.contains(number) else {
            throw fault("there is no case \(number) of \(Case.self)")
        }
        return numbered[number]
    }

    /// So many bytes as they stand.
    mutating func raw(_ count: Int) throws(Fault) -> ArraySlice<UInt8> {
        guard bytes.count - place >= count else {
            isShort = true
            throw fault("\(count) bytes are missing")
        }
        defer { place += count }
        return bytes[place..<(place + count)]
    }

    func fault(_ problem: String) -> Fault {
        Fault(
            .corrupt, "the event log is damaged at byte \(place): \(problem)",
            remedy: "use a log that was written to its end, with the program that wrote it")
    }
}

/// Writes words one after the other, seven bits a byte.
struct WordWriter: WordSink {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ word: UInt64) {
        var rest = word
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func put(raw: some Sequence<UInt8>) { bytes.append(contentsOf: raw) }

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }
}
