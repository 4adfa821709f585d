import Yams

/// A key that stands twice in one map, masked so that the YAML library reads on.
///
/// Yams stops at the first map with a key given twice, and would hide all other faults of the file.
/// One character of the earlier key is replaced by one of the private use area, which keeps every
/// place in the file as it was; `YAMLReader` puts the name back and reports the later key.
struct Mask {
    /// The true name.
    let key: String
    let line: Int
    let column: Int

    /// Masks the key at `mark`; `nil`, with `text` as it was, when there are too many or it is not
    /// plainly there (an escape in quotes, a key of several lines).
    init?(_ keys: [String], at mark: Mark, number: Int, in text: inout String) {
        guard number < Bounds.duplicates, let key = keys.first,
            let first = key.unicodeScalars.first,
            var index = Self.index(line: mark.line, column: mark.column, in: text)
        else { return nil }
        let scalars = text.unicodeScalars
        if scalars[index] == "\"" || scalars[index] == "'" { index = scalars.index(after: index) }
        guard scalars[index...].starts(with: key.unicodeScalars),
            !("\u{E000}"..."\u{F8FF}" ~= first),
            let mask = Unicode.Scalar(0xE000 + UInt32(number))
        else { return nil }
        text.unicodeScalars.replaceSubrange(index...index, with: CollectionOfOne(mask))
        self.key = key
        line = mark.line
        column = mark.column
    }

    private static func index(line: Int, column: Int, in text: String) -> String.Index? {
        let scalars = text.unicodeScalars
        var (atLine, atColumn, previous) = (1, 1, Unicode.Scalar(" "))
        for index in scalars.indices {
            let scalar = scalars[index]
            if scalar == "\n" && previous == "\r" {
                previous = scalar
                continue
            }
            if atLine == line && atColumn == column { return index }
            (atLine, atColumn) =
                LineBreak.isBreak(scalar) ? (atLine + 1, 1) : (atLine, atColumn + 1)
            previous = scalar
        }
        return nil
    }
}
