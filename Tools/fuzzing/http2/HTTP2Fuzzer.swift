import FuzzServer
import FuzzSupport

/// Any bytes to a server behind HTTP/2's preface.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ base: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = Input(base, count)
    exchange(&input, opening: Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8))
    return 0
}
