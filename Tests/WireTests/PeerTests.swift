import Ground
import Testing

@testable import Wire

@Suite struct PeerTests {
    private let hello = Hello(
        node: "leaf-mill-3", software: "1.4.2", protocols: ProtocolRange(oldest: 1, newest: 2))

    @Test func `What nodes say to each other reads as it was written`() throws {
        #expect(try again(hello) == hello)
        let reply = HelloReply(hello, version: 2)
        #expect(try again(reply) == reply)
        let request = LoadReportRequest(interval: .milliseconds(250))
        #expect(try again(request) == request)
        let report = LoadReport(
            node: "region-eu-1", pending: 3, capacity: 61, serviceTime: .microseconds(4200),
            readyTasks: ["digits", "meter"], draining: true)
        #expect(try again(report) == report)
        let feedback = Feedback(
            request: "frame-42", task: "digits", label: "7",
            labelledAt: WallTime(nanoseconds: 1_700_000_000_123_456_789))
        #expect(try again(feedback) == feedback)
        for known in [true, false] {
            #expect(try again(FeedbackReply(known: known)).known == known)
        }
        for status in HealthResponse.Status.allCases {
            #expect(try again(HealthResponse(status)).status == status)
        }
    }

    @Test func `An error on a stream says its kind beside the id, where there is one`() throws {
        let known = try again(StreamResponse(error: "no room", id: "7", code: .exhausted))
        #expect(known.fault?.code == .exhausted && known.fault?.message == "no room")
        #expect(try again(StreamResponse(error: "broken", id: "7")).fault?.code == .inner)
        #expect(try again(StreamResponse(error: "broken", code: .exhausted)).fault?.code == .inner)
        #expect(try again(StreamResponse(InferResponse(model: "m", outputs: []))).fault == nil)
    }

    @Test func `Neighbours read as they were written`() throws {
        let here = Neighbour(
            name: "a", address: "[::1]:8443", tier: "leaf", site: "hall",
            location: Neighbour.Location(latitude: -33.9, longitude: 18.4), tls: true)
        let there = Neighbour(name: "b", address: "b.example:1", tier: "cloud", tls: false)
        let told = NeighboursResponse([here, there])
        #expect(try again(told) == told)
        #expect(try again(NeighboursRequest()) == NeighboursRequest())
    }

    @Test func `A hello has these bytes, which later versions must still send`() {
        let expected =
            field(1, Array("leaf-mill-3".utf8)) + field(2, Array("1.4.2".utf8)) + [0x18, 1, 0x20, 2]
        #expect(joined(hello.encode()) == expected)
    }

    @Test func `A field that a newer node adds is skipped`() throws {
        let newer = joined(hello.encode()) + field(15, [1, 2, 3])
        #expect(try Hello.decode(Bytes(newer)) == hello)
    }

    @Test(arguments: [
        (1...1, 1...1, 1), (1...2, 2...3, 2), (2...3, 1...2, 2), (1...4, 2...3, 3),
        (1...1, 2...3, nil), (3...4, 1...2, nil),
    ] as [(ClosedRange<Int>, ClosedRange<Int>, Int?)])
    func `Two nodes speak the newest version that both know, or none`(
        _ one: ClosedRange<Int>, _ other: ClosedRange<Int>, _ expected: Int?
    ) {
        let one = ProtocolRange(oldest: one.lowerBound, newest: one.upperBound)
        let other = ProtocolRange(oldest: other.lowerBound, newest: other.upperBound)
        #expect(one.common(with: other) == expected)
        #expect(other.common(with: one) == expected)
    }

    @Test func `A list of names past its bound is refused`() throws {
        let task = field(5, [97])
        let bytes = Array(repeatElement(task, count: WireLimits.list + 1).joined())
        let fault = try fault { try LoadReport.decode(Bytes(bytes)) }
        #expect(fault.code == .exhausted)
        #expect(fault.message.contains("ready_tasks"))
    }

    @Test func `A retry delay of any length survives`() throws {
        for delay: Interval in [.zero, .nanoseconds(1), .milliseconds(1500), .seconds(86_400)] {
            let status = RPCStatus(code: 14, message: "later", retryDelay: delay)
            #expect(try again(status) == status)
        }
        #expect(try again(RPCStatus(code: 3, message: "no")).retryDelay == nil)
    }

    @Test func `Messages decode and encode while another is being read`() throws {
        // The thread's own arena is taken: the inner message must find another.
        let outer = joined(hello.encode())
        let inner = try unpackingTwice(outer)
        #expect(inner == hello)
    }

    private func unpackingTwice(_ bytes: [UInt8]) throws(Fault) -> Hello {
        try withArena { (arena) throws(Fault) in
            let first = arena.room(64, of: UInt8.self)
            first.update(repeating: 7, count: 64)
            let hello = try Hello.decode(Bytes(bytes))
            #expect((0..<64).allSatisfy { first[$0] == 7 })
            return hello
        }
    }
}
