extension FixedWidthInteger {
    /// The sum, held at the type's largest and least value: what another machine counted may be any
    /// number, and must not end this process.
    @inlinable
    public func saturatingSum(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
