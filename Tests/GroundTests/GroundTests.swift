import Testing

@testable import Ground

@Test func `A digest reads what it writes and nothing that is not one`() throws {
    let digest = try #require(Digest(bytes: (0..<32).map { UInt8($0) }))
    #expect(Digest(digest.description) == digest)
    #expect(digest.hex == "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
    let short = "sha256:" + String(repeating: "0", count: 63)
    for wrong in ["latest", "sha256:", "sha256:ABCD", short] {
        #expect(Digest(wrong) == nil)
    }
}

@Test func `Times saturate instead of wrapping`() {
    #expect(Instant(nanoseconds: 5) + .nanoseconds(-9) == Instant(nanoseconds: 0))
    #expect(Instant.distantFuture + .seconds(1) == .distantFuture)
    #expect(Interval.seconds(.max) == Interval(nanoseconds: .max))
    #expect(Instant(nanoseconds: 3) - Instant(nanoseconds: 10) == .nanoseconds(-7))
    let (early, late) = (WallTime(nanoseconds: .min), WallTime(nanoseconds: .max))
    #expect(late - early == .nanoseconds(.max) && early - late == .nanoseconds(.min))
    #expect(early - .seconds(1) == early && late - .nanoseconds(-1) == late)
    #expect(Interval.nanoseconds(.max) + .nanoseconds(1) == .nanoseconds(.max))
    #expect(Interval.nanoseconds(.min) + .nanoseconds(-1) == .nanoseconds(.min))
}

@Test func `Counts of other machines add up to the largest number at most`() {
    #expect(UInt64.max.saturatingSum(1) == .max && UInt64(3).saturatingSum(4) == 7)
    #expect(Int.max.saturatingSum(.max) == .max && Int.min.saturatingSum(-1) == .min)
    #expect(Int.max.saturatingSum(.min) == -1)
}

@Test(arguments: [
    ("127.0.0.1:8443", "127.0.0.1", 8443), ("[::1]:1", "::1", 1),
    ("region.example:0", "region.example", 0),
])
func `An endpoint reads a host and a port`(text: String, host: String, port: Int) {
    #expect(Endpoint(text) == Endpoint(host: host, port: port))
    #expect(Endpoint(text)?.description == text)
}

@Test(arguments: ["", "host", ":80", "::1:80", "host:", "host:65536", "host:-1"])
func `An endpoint without a host or a proper port is refused`(text: String) {
    #expect(Endpoint(text) == nil)
}

@Test func `The same seed gives the same numbers`() {
    var one = Randomness(seed: 7)
    var two = Randomness(seed: 7)
    #expect((0..<100).map { _ in one.next() } == (0..<100).map { _ in two.next() })
    #expect((0..<1000).allSatisfy { _ in (0..<1).contains(one.unit()) })
}
