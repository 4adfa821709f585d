import Ground
import Testing

@testable import Alerts

@Suite struct HysteresisTests {
    private let rule = Hysteresis.Rule(hold: .seconds(2), repeats: 3, quiet: .seconds(30))

    @Test func `What lasts is raised once and cleared once`() {
        var state = Hysteresis(rule)
        #expect(state.began(by: 0, now: .at(10)) == [])
        #expect(state.due == .at(12))
        #expect(state.check(now: .at(11.9)) == [])
        #expect(state.check(now: .at(12)) == [.raised])
        #expect(state.check(now: .at(100)) == [] && state.due == nil)
        #expect(state.ended(by: 0, now: .at(200)) == [])
        #expect(state.due == .at(230))
        #expect(state.check(now: .at(229)) == [])
        #expect(state.check(now: .at(230)) == [.cleared])
        #expect(state.check(now: .at(1_000)) == [] && state.due == nil)
    }

    @Test func `What flickers within a moment is no alert`() {
        var state = Hysteresis(rule)
        #expect(state.began(by: 0, now: .at(0)) == [])
        #expect(state.ended(by: 0, now: .at(1)) == [])
        #expect(state.check(now: .at(31)) == [], "neither raised nor cleared")
        #expect(state.began(by: 0, now: .at(40)) == [])
    }

    @Test func `What comes again and again is an alert, and one only`() {
        var state = Hysteresis(rule)
        var changes: [Hysteresis.Change] = []
        for beginning in 0..<10 {
            changes += state.began(by: 0, now: .at(Double(beginning) * 10))
            changes += state.ended(by: 0, now: .at(Double(beginning) * 10 + 0.1))
            #expect(changes == (beginning < 2 ? [] : [.raised]))
        }
        #expect(state.check(now: .at(120)) == [])
        #expect(state.check(now: .at(120.1)) == [.cleared])
    }

    @Test func `Beginnings far apart do not add up`() {
        var state = Hysteresis(rule)
        for beginning in 0..<10 {
            #expect(state.happened(now: .at(Double(beginning) * 31)) == [])
        }
        #expect(!state.isRaised)
    }

    @Test func `A clock that is looked at late says the same`() {
        var state = Hysteresis(rule)
        _ = state.began(by: 0, now: .at(0))
        #expect(state.ended(by: 0, now: .at(5)) == [.raised], "it had lasted for five seconds")
        #expect(state.began(by: 0, now: .at(100)) == [.cleared])
    }

    @Test func `A condition is there while any source says so`() {
        var state = Hysteresis(rule)
        _ = state.began(by: 0, now: .at(0))
        _ = state.began(by: 1, now: .at(1))
        _ = state.began(by: 1, now: .at(1))
        #expect(state.ended(by: 0, now: .at(1.5)) == [])
        #expect(state.ended(by: 0, now: .at(1.5)) == [])
        #expect(state.check(now: .at(2)) == [.raised])
        _ = state.ended(by: 1, now: .at(3))
        #expect(state.due == .at(33))
    }

    @Test(arguments: 0..<50)
    func `Raised and cleared take turns, beginning with raised`(_ seed: Int) {
        var dice = Randomness(seed: UInt64(seed))
        let rule = Hysteresis.Rule(
            hold: .milliseconds(Int64(dice.next() % 3_000)), repeats: 1 + Int(dice.next() % 4),
            quiet: .milliseconds(500 + Int64(dice.next() % 5_000)))
        var state = Hysteresis(rule)
        var now = Instant.at(0)
        var changes: [Hysteresis.Change] = []
        for _ in 0..<2_000 {
            now = now + .milliseconds(Int64(dice.next() % 1_000))
            let source = Int(dice.next() % 3)
            switch dice.next() % 8 {
            case 0, 1: changes += state.began(by: source, now: now)
            case 2...4: changes += state.ended(by: source, now: now)
            case 5: changes += state.happened(now: now)
            default:
                changes += state.check(now: state.due.map { max($0, now) } ?? now)
            }
        }
        for (index, change) in changes.enumerated() {
            #expect(change == (index % 2 == 0 ? .raised : .cleared))
        }
        #expect(changes.count > 2)
    }

    @Test func `Conditions are told apart by what and whom they concern`() {
        var all = Conditions(rule)
        let one = Conditions.Key("breaker-open", "a")
        let other = Conditions.Key("breaker-open", "b")
        _ = all.began(one, by: 0, now: .at(0))
        _ = all.began(other, by: 0, now: .at(1))
        #expect(all.due == .at(2))
        #expect(all.check(now: .at(2)) == [Conditions.Transition(key: one, change: .raised)])
        #expect(all.due == .at(3))
        #expect(all.ended(other, by: 0, now: .at(4)).map(\.key) == [other])
    }

    @Test func `A condition of somebody who is gone ends like any other`() {
        var all = Conditions(rule)
        let (gone, here) = (Conditions.Key("panic", "a"), Conditions.Key("panic", "b"))
        _ = all.began(gone, by: 0, now: .at(0))
        _ = all.began(gone, by: 1, now: .at(0))
        _ = all.began(here, by: 0, now: .at(0))
        #expect(all.check(now: .at(2)).count == 2)
        all.end(now: .at(10)) { $0 == gone }
        #expect(all.check(now: .at(39)) == [])
        #expect(all.check(now: .at(40)) == [Conditions.Transition(key: gone, change: .cleared)])
    }

    @Test func `Another rule holds from the next event on`() {
        var all = Conditions(rule)
        let key = Conditions.Key("panic", "a")
        _ = all.began(key, by: 0, now: .at(0))
        all.adopt(Hysteresis.Rule(hold: .seconds(60), repeats: 3, quiet: .seconds(1)))
        #expect(all.check(now: .at(59)) == [] && all.due == .at(60))
        #expect(all.check(now: .at(60)).map(\.change) == [.raised])
        #expect(all.ended(key, by: 0, now: .at(61)) == [] && all.due == .at(62))
    }
}
