import Ground
import Testing

@testable import Gateway

@Suite struct TransitTests {
    @Test(arguments: [
        ("region=1.234ms;cloud=0.500ms", 1_234), ("leaf=0.000ms", 0),
        ("a=b=12345678.001ms", 12_345_678_001),
    ])
    func `The first hop of a route tells the peer's own time`(_ route: String, _ micros: Int64) {
        #expect(Transit.firstHop(route) == .microseconds(micros))
    }

    @Test(arguments: [
        "", "region", "region=ms", "region=1ms", "region=1.2ms", "region=1.2345ms", "region=.123ms",
        "region=-1.123ms", "region=1.123s", "region=123456789.123ms", "region=1.1x3ms",
    ])
    func `A route of another make teaches nothing`(_ route: String) {
        #expect(Transit.firstHop(route) == nil)
    }

    @Test func `Half of the shortest way is believed after some answers`() {
        var transit = Transit()
        for number in 1...Transit.enough {
            #expect(transit.oneWay == .zero)
            transit.observe(
                call: .milliseconds(10 + Int64(number)), route: "region=1.000ms;cloud=0.500ms")
        }
        #expect(transit.oneWay == .milliseconds(5))
        transit.observe(call: .milliseconds(40), route: "region=1.000ms")
        #expect(transit.oneWay == .milliseconds(5))
        transit.observe(call: .milliseconds(5), route: "region=1.000ms")
        #expect(transit.oneWay == .milliseconds(2))
    }

    @Test func `A peer that claims more than the whole call is not believed`() {
        var transit = Transit()
        for _ in 0..<Transit.enough + 1 {
            transit.observe(call: .milliseconds(3), route: "region=4.000ms")
            transit.observe(call: .milliseconds(3), route: nil)
        }
        #expect(transit.oneWay == .zero)
    }
}

@Suite struct HopTests {
    @Test(arguments: [
        (0, "leaf=0.000ms"), (-5, "leaf=0.000ms"), (499, "leaf=0.000ms"), (500, "leaf=0.001ms"),
        (1_234_567, "leaf=1.235ms"), (9_999_499, "leaf=9.999ms"), (9_999_500, "leaf=10.000ms"),
        (60_000_000_000, "leaf=60000.000ms"),
    ] as [(Int64, String)])
    func `A hop says the node and its milliseconds`(_ nanoseconds: Int64, _ text: String) {
        #expect(Decimals.hop("leaf", took: Interval(nanoseconds: nanoseconds)) == text)
        let micros = Transit.firstHop(text)!.nanoseconds / 1_000
        #expect(Decimals.hop("süd-3", took: .microseconds(micros)) == "süd-3" + text.dropFirst(4))
    }
}
