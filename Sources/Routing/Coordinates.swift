public import Ground

/// A place on Earth, in degrees. Only a guess at a round trip is made of it, before one is
/// measured.
public struct Coordinates: Hashable, Sendable {
    /// −90 (south pole) … 90.
    public let latitude: Double
    /// −180 … 180, east is positive.
    public let longitude: Double

    /// `nil` when a number is outside its range or not a number.
    public init?(latitude: Double, longitude: Double) {
        guard abs(latitude) <= 90, abs(longitude) <= 180 else { return nil }
        self.latitude = latitude
        self.longitude = longitude
    }

    /// The great-circle distance in kilometres, on a sphere of 6371 km: within 0.6 % of the true
    /// one.
    public func distance(to other: Coordinates) -> Double {
        let (a, b) = (unitVector, other.unitVector)
        let (x, y, z) = (a.x - b.x, a.y - b.y, a.z - b.z)
        return 6371 * Self.arc(chord: (x * x + y * y + z * z).squareRoot())
    }

    /// The round trip to expect over this distance: light in fibre covers 100 km there and back in
    /// a millisecond, cables run half as long again as the great circle, and a millisecond is for
    /// hops.
    public func expectedRoundTrip(to other: Coordinates) -> Interval {
        Interval(nanoseconds: 1_000_000 + Int64(distance(to: other) * 15_000))
    }

    private var unitVector: (x: Double, y: Double, z: Double) {
        let level = Self.cosine(latitude)
        return (
            level * Self.cosine(longitude), level * Self.sine(longitude), Self.sine(latitude)
        )
    }

    /// The angle that a chord of the unit circle spans: the chord is halved as Archimedes did,
    /// until it is so short that a cubic tells the arc.
    private static func arc(chord: Double) -> Double {
        var chord = min(chord, 2)
        for _ in 0..<halvings {
            chord /= (2 + (4 - chord * chord).squareRoot()).squareRoot()
        }
        return Double(1 << halvings) * chord * (1 + chord * chord / 24)
    }

    /// 8 halvings bring a half circle to 0.012, where the cubic is right to eleven digits.
    private static let halvings = 8

    /// For degrees in −180…180.
    static func cosine(_ degrees: Double) -> Double { sine(90 - abs(degrees)) }

    /// For degrees in −180…180, by Taylor's series on the quarter circle: right to 13 digits.
    static func sine(_ degrees: Double) -> Double {
        let folded = abs(degrees) > 90 ? 180 - abs(degrees) : abs(degrees)
        let x = (degrees < 0 ? -folded : folded) * (Double.pi / 180)
        var term = x
        var sum = x
        for k in stride(from: 2.0, through: 18, by: 2) {
            term *= -x * x / (k * (k + 1))
            sum += term
        }
        return sum
    }
}
