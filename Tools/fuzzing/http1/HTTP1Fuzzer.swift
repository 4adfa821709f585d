import FuzzServer
import FuzzSupport

/// Any bytes to a server, which takes all but HTTP/2's preface for HTTP/1.1.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ base: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = Input(base, count)
    let answer = exchange(&input)
    // HTTP/2 begins with a frame of less than 64 KiB, whose first byte is 0.
    if let first = answer.first, first != 0 {
        demand(
            answer.starts(with: Array("HTTP/1.1 ".utf8)), "an answer begins with its version")
    }
    return 0
}
