import Ground
import Testing

@testable import Topology

@Suite struct UnitsTests {
    @Test(arguments: [
        ("0", 0), ("4096", 4096), ("1B", 1), ("10kB", 10_000), ("10MB", 10_000_000),
        ("64KiB", 65_536), ("512MiB", 536_870_912), ("2GiB", 2_147_483_648), ("1TiB", 1 << 40),
    ])
    func `Sizes are read with their units`(_ text: String, _ bytes: Int) throws {
        #expect(try Units.bytes(text) == bytes)
    }

    @Test(arguments: [
        ("250us", 250_000), ("500ms", 500_000_000), ("1s", 1_000_000_000), ("2m", 120_000_000_000),
        ("24h", 86_400_000_000_000), ("1d", 86_400_000_000_000), ("5ns", 5), ("0", 0),
    ])
    func `Durations are read with their units`(_ text: String, _ nanoseconds: Int64) throws {
        #expect(try Units.interval(text) == .nanoseconds(nanoseconds))
    }

    @Test(arguments: [
        ("8%", 0.08), ("0.08", 0.08), ("0", 0), ("1", 1), ("100%", 1), ("0.5%", 0.005),
    ])
    func `Shares are percentages or fractions`(_ text: String, _ share: Double) throws {
        #expect(abs(try Units.share(text) - share) < 1e-15)
    }

    @Test(arguments: [("2Mbit/s", 2_000_000), ("64kbit/s", 64_000), ("9bit/s", 9)])
    func `Bandwidths are read with their units`(_ text: String, _ bits: Int) throws {
        #expect(try Units.bandwidth(text) == bits)
    }

    @Test(arguments: [
        "", "MiB", "-1", "1.5GiB", "1,5GiB", "1 MiB", "512Mib", "512mb", "0x10", "1e3", "+1",
        "9223372036854775808", "8388608TiB", "١MiB", "1\u{301}",
    ])
    func `What is no size is refused`(_ text: String) {
        #expect(throws: Units.Misfit.self) { try Units.bytes(text) }
    }

    @Test(arguments: [
        "", "500", "ms", "0.5s", "1 s", "1sec", "-1s", "nan", "inf", "99999999999d",
    ])
    func `What is no duration is refused`(_ text: String) {
        #expect(throws: Units.Misfit.self) { try Units.interval(text) }
    }

    @Test(arguments: [
        "", "%", "8", "101%", "-1%", "1e-2", "nan", "inf", ".5", "5.", "0.0.8", "8 %", "0,08",
        "0x1p-3",
    ])
    func `What is no share is refused`(_ text: String) {
        #expect(throws: Units.Misfit.self) { try Units.share(text) }
    }

    @Test func `What is printed reads back as the same number`() throws {
        var random = Randomness(seed: 7)
        for _ in 0..<500 {
            let amount = Int.random(in: 0...(1 << 50), using: &random) >> Int(random.next() % 50)
            #expect(try Units.bytes(Units.text(amount, Units.bytes)) == amount)
            let time = Units.text(amount, Units.nanoseconds)
            #expect(try Units.interval(time).nanoseconds == Int64(amount))
        }
    }
}

@Suite struct NearestTests {
    @Test(arguments: [
        ("deadline", "deadline", 0), ("dedline", "deadline", 1), ("deadlnie", "deadline", 1),
        ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ca", "abc", 3),
    ])
    func `Distance counts slips of the fingers`(_ a: String, _ b: String, _ distance: Int) {
        #expect(Nearest.distance(a, b) == distance)
        #expect(Nearest.distance(b, a) == distance)
    }

    @Test func `A slip finds the word and a stranger finds none`() {
        let known = ["deadline", "mode", "escalate"]
        #expect(Nearest.word(to: "dedline", among: known) == "deadline")
        #expect(Nearest.word(to: "mdoe", among: known) == "mode")
        #expect(Nearest.word(to: "colour", among: known) == nil)
        #expect(Nearest.remedy(for: "colour", among: []) == "none is defined")
    }
}

@Suite struct NameTests {
    @Test(arguments: ["a", "leaf-mill-3", "x9", "a-", String(repeating: "a", count: 63)])
    func `Letters, digits and hyphens make a name`(_ name: String) {
        #expect(Name.problem(name) == nil)
    }

    @Test(arguments: [
        "", "9a", "-a", "A", "a_b", "a.b", "ä", "a b", "a\u{301}",
        String(repeating: "a", count: 64),
    ])
    func `Anything else is no name`(_ name: String) {
        #expect(Name.problem(name) != nil)
    }
}
