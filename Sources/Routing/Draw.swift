extension RandomNumberGenerator {
    /// Uniform in [0, 1), 53 bits.
    @inline(__always)
    mutating func drawUnit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A whole number in `0 ..< count`; `count` is at least 1.
    ///
    /// The standard library's own draw may change between its versions, and with it a replay. The
    /// bias is below `count` ÷ 2⁶⁴.
    @inline(__always)
    mutating func draw(below count: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(count)).high)
    }
}
