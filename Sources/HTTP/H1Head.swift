internal import CHTTPParser
internal import Ground

/// Room for one parsed HTTP/1 head; one for each server, as a head is parsed in one go.
final class H1HeadScratch {
    var head = UnsafeMutablePointer<canopy_h1_head>.allocate(capacity: 1)
    deinit { head.deallocate() }
}

/// Finds the end of a head: the number of bytes up to and with the empty line, or `nil`.
///
/// A line that ends without CR ends a head here too, so that the parser sees it and refuses it.
func endOfHead(_ bytes: some RandomAccessCollection<UInt8>, from: Int) -> Int? {
    var lineIsEmpty = false
    var offset = max(0, from)
    var index = bytes.index(bytes.startIndex, offsetBy: offset)
    if offset > 0 { lineIsEmpty = false }
    while index < bytes.endIndex {
        let byte = bytes[index]
        offset += 1
        if byte == 0x0a {
            if lineIsEmpty { return offset }
            lineIsEmpty = true
        } else if byte != 0x0d {
            lineIsEmpty = false
        }
        index = bytes.index(after: index)
    }
    return nil
}
