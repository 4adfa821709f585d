import Ground
import Testing

@testable import HTTP

@Suite struct CodecTests {
    private func timeout(_ text: String) -> Interval? {
        Array(text.utf8).withUnsafeBytes { GRPCTimeout.parse($0) }
    }

    @Test(arguments: [
        ("1H", Interval.seconds(3_600)), ("2M", .seconds(120)), ("3S", .seconds(3)),
        ("4m", .milliseconds(4)), ("5u", .microseconds(5)), ("6n", .nanoseconds(6)),
        ("99999999H", .seconds(99_999_999 * 3_600)), ("0m", .zero),
    ])
    func `A timeout of each unit is read`(text: String, interval: Interval) {
        #expect(timeout(text) == interval)
    }

    @Test(arguments: ["", "1", "m", "-1m", "1x", "123456789m", "1 m", "1mm", "+1m"])
    func `A malformed timeout is no timeout`(text: String) { #expect(timeout(text) == nil) }

    @Test func `A timeout written and read is never longer, and at most a thousandth shorter`() {
        var random = Randomness(seed: 7)
        for _ in 0..<2_000 {
            let time = Int64(random.next() >> (4 + random.next() % 58)) + 1
            let text = GRPCTimeout.format(.nanoseconds(time))
            let back = timeout(text)?.nanoseconds ?? -1
            #expect(back <= time)
            #expect(back >= time - time / 1_000 - 1, "\(time) → \(text)")
        }
    }

    @Test(arguments: ["", "plain", "50 % off", "ümläut", "line\nfeed", "%41", "\u{7f}", "🦀"])
    func `A message survives percent-encoding`(text: String) {
        let encoded = PercentText.encode(text)
        #expect(encoded.utf8.allSatisfy { $0 >= 0x20 && $0 <= 0x7e })
        #expect(PercentText.decode(encoded.utf8) == text)
    }

    @Test func `What is no escape stands for itself`() {
        #expect(PercentText.decode("100% %zz %4".utf8) == "100% %zz %4")
    }

    @Test func `Base64 of any length comes back`() {
        for count in 0..<40 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
            let text = Base64.encode(bytes)
            #expect(Base64.decode(text.utf8) == bytes)
            #expect(!text.contains("="))
        }
        #expect(Base64.encode(Array("Man".utf8)) == "TWFu")
        #expect(Base64.decode("TWE=".utf8) == Array("Ma".utf8))
        #expect(Base64.decode("T*".utf8) == nil)
    }

    @Test func `A retry delay survives its details, to the nanosecond`() {
        for delay in [Interval.milliseconds(100), .seconds(2), .nanoseconds(1_500_000_001), .zero] {
            let status = GRPCStatus(.resourceExhausted, "full", retry: .after(delay))
            let header = RetryDetails.header(status)
            #expect(header.flatMap { RetryDetails.delay($0.utf8) } == delay)
        }
        #expect(RetryDetails.header(GRPCStatus(.internal)) == nil)
    }

    @Test func `Details of others are read as google's protobuf writes them`() {
        // Status{code: 8, message: "m", details: [Any(RetryInfo{retry_delay: 1.5 s})]}
        let type = Array("type.googleapis.com/google.rpc.RetryInfo".utf8)
        let duration: [UInt8] = [8, 1, 16, 0x80, 0xca, 0xb5, 0xee, 1]
        let info: [UInt8] = [10, UInt8(duration.count)] + duration
        let any: [UInt8] = [10, UInt8(type.count)] + type + [18, UInt8(info.count)] + info
        let whole: [UInt8] = [8, 8, 18, 1, 0x6d, 26, UInt8(any.count)] + any
        #expect(RetryDetails.delay(Base64.encode(whole).utf8) == .milliseconds(1_500))
        #expect(RetryDetails.header(
            GRPCStatus(.resourceExhausted, "m", retry: .after(.milliseconds(1_500)))) != nil)
    }

    @Test func `Damaged details say nothing and do no harm`() {
        var random = Randomness(seed: 3)
        for _ in 0..<500 {
            let bytes = (0 ..< Int(random.next() % 60)).map { _ in
                UInt8(truncatingIfNeeded: random.next())
            }
            _ = RetryDetails.delay(Base64.encode(bytes).utf8)
        }
        #expect(RetryDetails.delay("%%%".utf8) == nil)
    }

    @Test func `Every kind of fault has a status of both protocols, and the way back keeps the kind`() {
        for (code, grpc, http) in Fault.Code.statuses {
            #expect(code.grpcCode == grpc)
            #expect(code.httpStatus == http)
            #expect(grpc.faultCode == code)
        }
        #expect(Set(Fault.Code.statuses.map(\.grpc)).count == Fault.Code.statuses.count)
        for grpc in GRPCStatus.Code.allCases { #expect((grpc.faultCode == nil) == (grpc == .ok)) }
    }

    @Test func `A fault's cause stays inside`() {
        struct Secret: Error {}
        let status = GRPCStatus(Fault(.inner, "broken", cause: Secret()))
        #expect(!status.message.contains("Secret"))
    }
}
