import Ground
import Testing

@testable import Routing

@Suite struct CoordinatesTests {
    /// Great-circle kilometres on a sphere of 6371 km, by the haversine formula.
    static let table: [(from: (Double, Double), to: (Double, Double), kilometres: Double)] = [
        ((52.52, 13.4), (50.11, 8.68), 423.437817),
        ((0, 0), (0, 0), 0),
        ((0, 0), (0, 180), 20015.086796),
        ((90, 0), (-90, 77), 20015.086796),
        ((40.71, -74.01), (51.51, -0.13), 5570.444572),
        ((35.68, 139.69), (37.77, -122.42), 8271.709511),
        ((-33.87, 151.21), (-34.6, -58.38), 11801.352448),
        ((10, 179.5), (10, -179.5), 109.505584),
        ((48.137, 11.575), (48.1371, 11.5751), 0.013368),
    ]

    static func point(_ pair: (Double, Double)) throws -> Coordinates {
        try #require(Coordinates(latitude: pair.0, longitude: pair.1))
    }

    @Test func `Distances are those of the great circle, in both directions`() throws {
        for row in Self.table {
            let (from, to) = (try Self.point(row.from), try Self.point(row.to))
            #expect(abs(from.distance(to: to) - row.kilometres) < 1e-5, "\(row)")
            #expect(from.distance(to: to) == to.distance(to: from))
        }
    }

    @Test func `A round trip is expected to take 15 µs a kilometre and one millisecond`() throws {
        let (a, b) = (try Self.point((0, 0)), try Self.point((0, 180)))
        #expect(a.expectedRoundTrip(to: a) == .milliseconds(1))
        #expect(abs(a.expectedRoundTrip(to: b).milliseconds - 301.2263) < 0.0001)
    }

    @Test func `Sine and cosine have their known values`() {
        let known: [(Double, Double)] = [
            (0, 0), (30, 0.5), (45, 0.5.squareRoot()), (60, 0.75.squareRoot()), (90, 1),
            (150, 0.5), (180, 0), (-30, -0.5), (-90, -1), (-120, -(0.75.squareRoot())),
        ]
        for (degrees, sine) in known {
            #expect(abs(Coordinates.sine(degrees) - sine) < 1e-13)
            let shifted = 90 - degrees
            if shifted <= 180 { #expect(abs(Coordinates.cosine(shifted) - sine) < 1e-13) }
        }
    }

    @Test(arguments: [(91.0, 0.0), (-91, 0), (0, 181), (0, -181), (Double.nan, 0), (0, .nan)])
    func `A place that is not on Earth is refused`(latitude: Double, longitude: Double) {
        #expect(Coordinates(latitude: latitude, longitude: longitude) == nil)
    }
}
