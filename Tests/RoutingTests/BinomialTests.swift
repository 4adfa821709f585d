import Testing

@testable import Routing

@Suite struct BinomialTests {
    /// P(Bin(n, p) ≤ k), summed with forty digits.
    static let table: [(k: Int, n: Int, p: Double, tail: Double)] = [
        (0, 1, 0.5, 0.5),
        (0, 10, 0.1, 0.3486784401),
        (1, 10, 0.1, 0.7360989291),
        (5, 10, 0.5, 0.623046875),
        (9, 10, 0.9, 0.6513215599),
        (0, 299, 0.01, 0.0495362566376625),
        (0, 298, 0.01, 0.0500366228663257),
        (2, 628, 0.01, 0.0497901545402882),
        (17, 1000, 0.01, 0.986167418269991),
        (10, 1000, 0.01, 0.583040803301098),
        (3, 1000, 0.01, 0.0100726547720144),
        (50, 1000, 0.05, 0.537529040801428),
        (40, 1000, 0.05, 0.0806365732566911),
        (80, 2000, 0.05, 0.0200879849089403),
        (130, 2000, 0.05, 0.998693037538493),
        (450, 5000, 0.1, 0.00906861097322381),
        (30, 5000, 0.01, 0.0015271786755),
        (0, 29956, 0.0001, 0.049999124186066),
        (990, 20000, 0.05, 0.380636694871537),
        (900, 100000, 0.01, 0.000660841333450151),
        (1000, 100000, 0.01, 0.508409473351433),
        (49800, 100000, 0.5, 0.103519485882112),
        (50200, 100000, 0.5, 0.897614234457186),
        (9000, 100000, 0.1, 5.23522353182896e-27),
        (99990, 100000, 0.9999, 0.542076541384302),
        (5, 100000, 0.0001, 0.0670765044972868),
        (100, 100000, 0.01, 1.02259098914882e-294),
        (20000, 50000, 0.45, 4.85928776214157e-113),
    ]

    @Test func `Tails agree with exact sums to ten digits`() {
        for row in Self.table {
            let tail = Binomial.lowerTail(row.k, of: row.n, row.p)
            #expect(abs(tail - row.tail) <= 1e-10 * row.tail, "\(row) came as \(tail)")
        }
    }

    @Test func `The ends of the range are certain`() {
        #expect(Binomial.lowerTail(-1, of: 10, 0.5) == 0)
        #expect(Binomial.lowerTail(10, of: 10, 0.5) == 1)
        #expect(Binomial.lowerTail(0, of: 0, 0.5) == 1)
        #expect(Binomial.lowerTail(3, of: 10, 0) == 1)
        #expect(Binomial.lowerTail(3, of: 10, 1) == 0)
        // So improbable that no Double can say it.
        #expect(Binomial.lowerTail(0, of: 100_000, 0.5) == 0)
    }

    @Test func `A tail grows with k and falls with p`() {
        for n in [7, 400, 30_000] {
            var last = 0.0
            for k in stride(from: 0, through: n, by: max(n / 50, 1)) {
                let tail = Binomial.lowerTail(k, of: n, 0.2)
                #expect(tail >= last && tail <= 1)
                #expect(Binomial.lowerTail(k, of: n, 0.3) <= tail)
                last = tail
            }
        }
    }

    @Test func `The least evidence is the first count whose tail is small enough`() {
        #expect(Binomial.trialsWithoutFailure(risk: 0.01, level: 0.05, limit: 1_000_000) == 299)
        #expect(Binomial.trialsWithoutFailure(risk: 0.1, level: 0.05, limit: 1_000_000) == 29)
        #expect(Binomial.trialsWithoutFailure(risk: 0.0001, level: 0.05, limit: 100) == 100)
    }
}
