import Ground
import Synchronization
import Testing
import Wire

@testable import Gateway

@Suite("Receipts")
struct ReceiptsTests {
    private let start = Instant(nanoseconds: 1_000)

    private func receipts() -> Receipts {
        let next = Mutex<UInt64>(0)
        return Receipts(random: {
            next.withLock { next in
                next += 1
                return next
            }
        })
    }

    private func answer(_ size: Int) -> JSONAnswer {
        let response = InferResponse(
            model: "m",
            outputs: [InferTensor(name: "o", elements: [[UInt8](repeating: 65, count: size)])])
        return response.json(answering: InferRequest(model: "m", inputs: []))
    }

    private func isSettled(_ state: Receipts.State?) -> Bool {
        if case .settled = state { true } else { false }
    }

    @Test func `A receipt is pending, then settled, then forgotten`() {
        let receipts = receipts()
        let name = receipts.open(now: start)
        if case .pending = receipts.state(of: name, now: start) {} else { Issue.record() }
        receipts.settle(name, answer(1), now: start)
        #expect(isSettled(receipts.state(of: name, now: start)))
        #expect(receipts.state(of: name, now: start + Receipts.lifetime) == nil)
        #expect(receipts.state(of: "nonsense", now: start) == nil)
    }

    @Test func `The oldest makes room beyond the limit, and is counted`() {
        let receipts = receipts()
        let names = (0..<Receipts.limit * 2 + 5).map { _ in receipts.open(now: start) }
        #expect(receipts.lost == Receipts.limit + 5)
        #expect(receipts.state(of: names[Receipts.limit + 4], now: start) == nil)
        #expect(receipts.state(of: names[Receipts.limit + 5], now: start) != nil)
        #expect(receipts.state(of: names.last!, now: start) != nil)
    }

    @Test func `What has expired makes room and is no loss`() {
        let receipts = receipts()
        let old = receipts.open(now: start)
        receipts.settle(old, answer(1_000), now: start)
        #expect(receipts.bytes > 1_000)
        _ = receipts.open(now: start + Receipts.lifetime)
        #expect(receipts.lost == 0 && receipts.bytes == 0)
    }

    @Test func `Answers keep within their bytes, whatever their size`() {
        let receipts = receipts()
        let names = (0..<40).map { _ in receipts.open(now: start) }
        for name in names {
            receipts.settle(name, answer(900_000), now: start)
            #expect(receipts.bytes <= Receipts.byteLimit)
        }
        #expect(receipts.lost > 20)
        #expect(isSettled(receipts.state(of: names.last!, now: start)))
    }

    @Test func `An answer that is too large is said to be, and pushes nobody out`() {
        let receipts = receipts()
        let first = receipts.open(now: start)
        receipts.settle(first, answer(10), now: start)
        let large = receipts.open(now: start)
        receipts.settle(large, answer(Receipts.largest), now: start)
        if case .tooLarge(let size) = receipts.state(of: large, now: start) {
            #expect(size > Receipts.largest)
        } else {
            Issue.record()
        }
        #expect(isSettled(receipts.state(of: first, now: start)))
    }

    @Test func `A kept answer holds nothing of the memory that it came in`() throws {
        let budget = ByteBudget(limit: 1 << 20)
        let receipts = receipts()
        let name = receipts.open(now: start)
        do {
            let slab = try #require(budget.allocate(capacity: 5_000))
            let tensor = InferTensor(
                name: "o", datatype: .uint8, shape: [5_000],
                contents: Bytes(slab: slab, start: 0, count: 5_000))
            let request = InferRequest(
                model: "m", parameters: ["binary_data_output": .bool(true)], inputs: [])
            receipts.settle(
                name, InferResponse(model: "m", outputs: [tensor]).json(answering: request),
                now: start)
        }
        #expect(budget.used == 0)
        #expect(receipts.bytes > 5_000)
    }
}
