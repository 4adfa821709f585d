import Ground
import Testing

@testable import Spool

/// Who gives way when there is no room.
@Suite struct RoomPolicyTests {
    private struct Row: CustomStringConvertible, Sendable {
        var words: String
        var queue: SpoolQueue
        /// Bytes that each queue holds, the lowest first.
        var holds: [Int]
        /// Queues of which all is settled.
        var idle: [SpoolQueue] = []
        var quarantined = 0
        var isDiskFull = false
        var need = 10
        var expected: RoomPolicy.Decision
        var description: String { words }
    }

    private static let rows = [
        Row(words: "There is room", queue: .result, holds: [30, 30, 0, 0, 30], expected: .take),
        Row(
            words: "Frames go before results", queue: .result, holds: [20, 75, 0, 0, 0],
            expected: .drop(.escalation)),
        Row(
            words: "Results go when there are no frames", queue: .result, holds: [0, 95, 0, 0, 0],
            expected: .drop(.result)),
        Row(
            words: "An alert takes the place of results before telemetry's", queue: .alert,
            holds: [0, 40, 50, 5, 0], expected: .drop(.result)),
        Row(
            words: "A frame takes no result's place", queue: .escalation,
            holds: [0, 95, 0, 0, 0], expected: .refuse),
        Row(
            words: "A frame takes an older frame's place", queue: .escalation,
            holds: [15, 80, 0, 0, 0], expected: .drop(.escalation)),
        Row(
            words: "Audit takes the place of alerts", queue: .audit, holds: [0, 0, 0, 20, 75],
            expected: .drop(.alert)),
        Row(
            words: "Audit is never dropped, not even for audit", queue: .audit,
            holds: [0, 0, 0, 0, 95], expected: .refuse),
        Row(
            words: "Nothing is dropped for what would not fit all the same", queue: .result,
            holds: [20, 0, 0, 0, 75], need: 60, expected: .refuse),
        Row(
            words: "What is settled goes before what is owed, whose ever it is", queue: .escalation,
            holds: [20, 0, 0, 75, 0], idle: [.alert], expected: .release(.alert)),
        Row(
            words: "Damaged segments go first", queue: .result, holds: [20, 0, 0, 0, 65],
            quarantined: 10, expected: .forgetDamaged),
        Row(
            words: "A disk that others filled makes the oldest frames go", queue: .result,
            holds: [20, 10, 0, 0, 0], isDiskFull: true, expected: .drop(.escalation)),
        Row(
            words: "On a full disk with nothing to drop what comes gives way", queue: .result,
            holds: [0, 0, 10, 0, 0], isDiskFull: true, expected: .refuse),
    ]

    @Test(arguments: rows)
    private func `The lowest gives way, its oldest first`(_ row: Row) {
        let view = RoomView(
            held: row.holds.reduce(row.quarantined, +), quarantined: row.quarantined,
            queues: SpoolQueue.allCases.map { queue in
                let bytes = row.holds[Int(queue.rawValue)]
                return RoomView.Queue(bytes: bytes, isOwed: bytes > 0 && !row.idle.contains(queue))
            })
        let policy = RoomPolicy(quota: 100)
        #expect(
            policy.decide(row.need, for: row.queue, view, isDiskFull: row.isDiskFull)
                == row.expected)
    }
}
