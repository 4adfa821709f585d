import Ground
import Testing

@testable import Simulation

@Suite struct AgendaTests {
    private func occurrence(_ at: UInt64, _ number: Int) -> Occurrence {
        Occurrence(at: at, order: 0, a: UInt32(number), b: 0, c: 0, d: 0, kind: .look)
    }

    @Test func `What is due comes in the order of time, and of adding where times are equal`() {
        var draws = Randomness(seed: 7)
        var agenda = Agenda()
        var expected: [(at: UInt64, number: Int)] = []
        var taken: [(at: UInt64, number: Int)] = []
        var now: UInt64 = 0
        for number in 0..<20_000 {
            // Near, within the calendar, past its end, and equal to others.
            let reach = [3, 3_000_000, 2_000_000_000, 60_000_000_000][draws.draw(below: 4)]
            let at = now + UInt64(draws.draw(below: reach))
            agenda.add(occurrence(at, number))
            expected.append((at, number))
            if number % 3 == 0, let next = agenda.take(until: .max >> 1) {
                taken.append((next.at, Int(next.a)))
                now = next.at
            }
        }
        while let next = agenda.take(until: .max >> 1) { taken.append((next.at, Int(next.a))) }
        #expect(agenda.count == 0)
        #expect(taken.count == expected.count)
        for (one, next) in zip(taken, taken.dropFirst()) {
            #expect((one.at, one.number) < (next.at, next.number))
        }
    }

    @Test func `What was taken back does not come, unless it is due at once or very late`() {
        var draws = Randomness(seed: 11)
        var agenda = Agenda()
        var tickets: [(ticket: Agenda.Ticket, at: UInt64)] = []
        var removed: Set<Int> = []
        var taken: [(at: UInt64, number: Int)] = []
        var now: UInt64 = 0
        for number in 0..<20_000 {
            let reach = [3, 3_000_000, 2_000_000_000, 60_000_000_000][draws.draw(below: 4)]
            let at = now + UInt64(draws.draw(below: reach))
            tickets.append((agenda.add(occurrence(at, number)), at))
            // One of the last hundred: it may have come, or been taken back, already.
            let other = max(0, number - draws.draw(below: 100))
            let before = agenda.count
            agenda.remove(tickets[other].ticket)
            if agenda.count < before { #expect(removed.insert(other).inserted) }
            if number % 3 == 0, let next = agenda.take(until: .max >> 1) {
                taken.append((next.at, Int(next.a)))
                now = next.at
            }
        }
        while let next = agenda.take(until: .max >> 1) { taken.append((next.at, Int(next.a))) }
        #expect(removed.count > 5_000)
        #expect(removed.isDisjoint(with: taken.map(\.number)))
        #expect(removed.count + taken.count == tickets.count)
        for (one, next) in zip(taken, taken.dropFirst()) {
            #expect((one.at, one.number) < (next.at, next.number))
        }
        for one in taken { #expect(one.at == tickets[one.number].at) }
    }

    @Test func `Nothing is taken before its time`() {
        var agenda = Agenda()
        for at in [5, 1_000_000_000, 70_000_000_000] as [UInt64] { agenda.add(occurrence(at, 0)) }
        #expect(agenda.take(until: 4) == nil)
        #expect(agenda.take(until: 5)?.at == 5)
        #expect(agenda.take(until: 999_999_999) == nil)
        #expect(agenda.take(until: 1_000_000_000)?.at == 1_000_000_000)
        // What is added after looking far ahead still comes first.
        agenda.add(occurrence(2_000_000_000, 1))
        #expect(agenda.take(until: .max >> 1)?.at == 2_000_000_000)
        #expect(agenda.take(until: .max >> 1)?.at == 70_000_000_000)
    }
}
