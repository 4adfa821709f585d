import Ground
import Testing

@testable import Alerts

@Suite struct AlertLedgerTests {
    @Test func `What every sink has taken may be settled, in whatever order they took it`() {
        var ledger = AlertLedger(settled: 0, last: 0)
        ledger.adopt(["a", "b"])
        ledger.wrote(1, for: "a", ticket: 10)
        ledger.wrote(2, for: "b", ticket: 11)
        ledger.wrote(3, for: "a", ticket: 12)
        #expect(ledger.mark == 0)
        ledger.took(12, by: "a")
        #expect(ledger.mark == 0)
        ledger.took(10, by: "a")
        #expect(ledger.mark == 1)
        ledger.took(11, by: "b")
        #expect(ledger.mark == 3)
        ledger.took(11, by: "b")
        #expect(ledger.mark == 3)
    }

    @Test func `A sink that found no room reads on where it was left, and holds the queue`() {
        var ledger = AlertLedger(settled: 0, last: 0)
        ledger.adopt(["a"])
        ledger.wrote(1, for: "a", ticket: 10)
        #expect(ledger.place(of: "a") == nil)
        ledger.wrote(2, for: "a", ticket: nil)
        ledger.wrote(3, for: "a", ticket: nil)
        #expect(ledger.place(of: "a") == 1)
        ledger.took(10, by: "a")
        #expect(ledger.mark == 1)
        ledger.gave("a", [(ticket: 22, sequence: 2)], through: 2)
        #expect(ledger.place(of: "a") == 2 && ledger.mark == 1)
        ledger.gave("a", [(ticket: 23, sequence: 3)], through: 3)
        #expect(ledger.place(of: "a") == nil)
        ledger.took(22, by: "a")
        ledger.took(23, by: "a")
        #expect(ledger.mark == 3)
    }

    @Test func `A later process goes on where each sink was, and not before the cursor`() {
        var ledger = AlertLedger(settled: 0, last: 0)
        ledger.adopt(["down", "up"])
        for sequence in stride(from: UInt64(1), to: 9, by: 2) {
            ledger.wrote(sequence, for: "up", ticket: sequence)
            ledger.took(sequence, by: "up")
            ledger.wrote(sequence + 1, for: "down", ticket: sequence + 1)
        }
        #expect(ledger.mark == 1)
        let ahead = ledger.ahead
        #expect(ahead.map(\.name) == ["up"] && ahead.map(\.mark) == [7])
        let marks = Dictionary(uniqueKeysWithValues: ahead.map { ($0.name, $0.mark) })
        var later = AlertLedger(settled: 1, last: 8, marks: marks)
        later.adopt(["down", "new", "up"])
        #expect(later.place(of: "down") == 1 && later.place(of: "up") == 7)
        #expect(later.place(of: "new") == 1)
        // Marks of a queue that is gone cannot lead beyond its end.
        var other = AlertLedger(settled: 0, last: 3, marks: ["up": 900])
        other.adopt(["up"])
        #expect(other.place(of: "up") == nil && other.mark == 3)
    }

    @Test func `A sink that is gone holds nothing, and one that begins anew reads again`() {
        var ledger = AlertLedger(settled: 0, last: 0)
        ledger.adopt(["a", "b"])
        ledger.wrote(1, for: "a", ticket: 1)
        ledger.wrote(2, for: "b", ticket: 2)
        ledger.wrote(3, for: "b", ticket: 3)
        ledger.took(2, by: "b")
        ledger.rewind("b")
        #expect(ledger.place(of: "b") == 2)
        ledger.adopt(["b"])
        #expect(ledger.mark == 2)
        ledger.adopt([])
        #expect(ledger.mark == 3)
    }
}

@Suite struct KeptAlertTests {
    @Test func `An alert that was kept is read as it was written`() throws {
        var seen = Alert.numbered(7)
        seen.time = WallTime(nanoseconds: 1_764_000_000_123_456_789)
        guard case .detection(var detection) = seen.content else { return }
        detection.capturedAt = .string("2026-11-22T08:00:00Z")
        (detection.seenBy, detection.bundle) = ("region", "sha256:ab")
        seen.content = .detection(detection)
        var bare = detection
        (bare.stream, bare.sequence, bare.capturedAt, bare.seenBy, bare.bundle) =
            (nil, nil, nil, nil, nil)
        bare.confidence = 1
        let report = ConditionReport(condition: "breaker-open", subject: "", state: .cleared)
        for content in [seen.content, .detection(bare), .condition(report)] {
            var alert = seen
            alert.content = content
            let read = try Alert(
                reading: alert.json().canonical, time: alert.time, since: alert.since)
            #expect(read == alert)
        }
    }

    @Test(arguments: ["", "{}", "[1]", #"{"schema":"canopy.alert/2","id":"a"}"#])
    func `What is no alert is a fault`(text: String) {
        #expect(throws: Fault.self) {
            try Alert(
                reading: Array(text.utf8), time: WallTime(nanoseconds: 0),
                since: Instant(nanoseconds: 0))
        }
    }
}
