public import Ground

/// A new file that is written to its end, piece by piece: for records of what happened, of which a
/// power cut may cost the last ones. Calls block: never call it on a loop.
public final class GrowingFile {
    private let file: OpenFile
    /// Bytes so far.
    public private(set) var count = 0

    /// Makes the file, for its owner alone.
    ///
    /// - Throws: when there is one of that name, or none can be made there.
    public init(making path: String) throws(Fault) {
        file = try OpenFile(making: path, access: .owner)
    }

    /// Writes more at the end.
    public func append(_ bytes: [UInt8]) throws(Fault) {
        try Bytes(bytes).withUnsafeBytes { piece throws(Fault) in try file.write(piece) }
        count += bytes.count
    }
}
