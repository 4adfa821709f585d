public import Ground

/// What a task asks of a bar: `accept: { risk: 1%, confidence: 95% }`.
///
/// Of the answers that are accepted at most the share `risk` is wrong, and the procedure that says
/// so errs for at most the share 1 − `confidence` of all calibration sets.
public struct RiskTarget: Hashable, Sendable {
    /// Share of accepted answers that may be wrong, in 0.0001…0.5.
    public let risk: Double
    /// In 0.5…0.9999.
    public let confidence: Double

    /// Below it the surest bar of the grid would have to be finer, and millions of scores be there.
    public static let leastRisk = 0.0001

    /// - Throws: a fault of code `invalid` when a number is outside its range.
    public init(risk: Double, confidence: Double) throws(Fault) {
        guard risk >= Self.leastRisk, risk <= 0.5 else {
            throw Fault(
                .invalid, "a risk of \(risk) came, expected one from 0.01% to 50%",
                remedy: "state the share of accepted answers that may be wrong, such as 1%")
        }
        guard confidence >= 0.5, confidence <= 0.9999 else {
            throw Fault(
                .invalid, "a confidence of \(confidence) came, expected one from 50% to 99.99%",
                remedy: "state how certain the bound on the risk shall be, such as 95%")
        }
        self.risk = risk
        self.confidence = confidence
    }

    /// 1 − `confidence`: the share of calibration sets for which the bound may fail.
    var errorRate: Double { 1 - confidence }
}
