/// The bytes of one fuzzing run: the first few steer, the rest is what the program reads.
package struct Input {
    /// What has not been taken yet.
    package private(set) var rest: UnsafeRawBufferPointer

    package init(_ base: UnsafePointer<UInt8>?, _ count: Int) {
        rest = UnsafeRawBufferPointer(start: base, count: count)
    }

    /// The next byte, 0 at the end.
    package mutating func next() -> UInt8 {
        guard let byte = rest.first else { return 0 }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
        return byte
    }

    /// A copy of what is left.
    package var array: [UInt8] { Array(rest) }
}

/// Ends the process, which the fuzzer reports with the input, unless `condition` holds. Release
/// builds keep it and say `claim`, other than a precondition.
package func demand(_ condition: Bool, _ claim: @autoclosure () -> String) {
    if !condition { fatalError("does not hold: \(claim())") }
}
