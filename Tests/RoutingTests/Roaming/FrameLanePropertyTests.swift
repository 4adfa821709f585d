import Ground
import Testing

@testable import Routing

/// A lane and nodes that answer late, out of order, twice or not at all, and break.
@Suite struct FrameLanePropertyTests {
    typealias Lane = FrameLane<Int, Int>

    private struct Run {
        var lane: Lane
        var now = Instant(nanoseconds: 0)
        var random: Randomness
        var passage: UInt32 = 0
        var isOpen = false
        /// What nodes have of the camera: passage and number.
        var atNodes: [(UInt32, Int)] = []
        var offered = 0
        /// Words of each frame, in order.
        var words: [Int: [Lane.Word]] = [:]
        /// Frames in the order in which the camera first heard of them, dropped ones left out.
        var heard: [Int] = []
        var lastSent: [UInt32: Int] = [:]
        var faults: [String] = []

        init(_ settings: LaneSettings, seed: UInt64) {
            lane = Lane(settings)
            random = Randomness(seed: seed)
        }

        mutating func on(_ event: Lane.Event) {
            var effects: [Lane.Effect] = []
            lane.on(event, now: now, into: &effects)
            for effect in effects { note(effect) }
            if lane.count > lane.settings.frames { faults.append("\(lane.count) frames held") }
            if lane.bytes > lane.settings.bytes { faults.append("\(lane.bytes) bytes held") }
        }

        private mutating func note(_ effect: Lane.Effect) {
            switch effect {
            case .send(let passage, let number, _, let attempt):
                if passage != self.passage || !isOpen { faults.append("sent to a passage past") }
                if words[number]?.last?.isLast == true { faults.append("\(number) sent when over") }
                if attempt == 1, let last = lastSent[passage], last > number {
                    faults.append("\(number) overtaken by \(last)")
                }
                lastSent[passage] = max(lastSent[passage] ?? -1, number)
                atNodes.append((passage, number))
            case .tell(let number, let word):
                if words[number]?.last?.isLast == true { faults.append("\(number) told twice") }
                if case .dropped = word {} else if words[number] == nil { heard.append(number) }
                words[number, default: []].append(word)
            case .late: break
            }
        }

        mutating func step(drain: Bool = false) {
            now = now + .milliseconds(Int64(random.next() % 60))
            switch random.next() % 20 {
            case 0...5 where !drain:
                on(.offered(
                    offered, offered, bytes: Int(random.next() % 100), timeout: .seconds(1)))
                offered += 1
            case 6...14 where !atNodes.isEmpty: answer()
            case 15 where !drain && isOpen && random.next() % 3 == 0:
                atNodes.removeAll { $0.0 == passage }
                isOpen = false
                on(.closed(passage))
            case 16 where !isOpen || (!drain && random.next() % 5 == 0):
                passage += 1
                isOpen = true
                on(.opened(passage))
            default: on(.tick)
            }
        }

        private mutating func answer() {
            let index = Int(random.next() % UInt64(atNodes.count))
            let (passage, number) = atNodes[index]
            switch random.next() % 10 {
            case 0: on(.answered(number, number, isFinal: false))
            case 1: on(.refused(passage, number, Fault(.unavailable, "away")))
            case 2: atNodes.remove(at: index)
            default:
                atNodes.remove(at: index)
                on(.answered(number, number, isFinal: true))
            }
        }
    }

    @Test(arguments: UInt64(1)...100)
    func `Every frame has one last word, in order, within the bounds`(seed: UInt64) {
        var settings = LaneSettings()
        settings.frames = 4 + Int(seed % 60)
        settings.bytes = 100 + Int(seed * 37 % 3000)
        settings.rule = DropRule.allCases[Int(seed % 3)]
        settings.window = 1 + Int(seed % 9)
        settings.underWay = 2 + Int(seed % 20)
        var run = Run(settings, seed: seed)
        for _ in 0..<600 { run.step() }
        var steps = 0
        while run.lane.count > 0, steps < 100_000 {
            run.step(drain: true)
            steps += 1
        }
        #expect(run.lane.count == 0 && run.lane.bytes == 0)
        #expect(run.offered > 100 && run.words.count == run.offered)
        #expect(run.words.values.allSatisfy { $0.last?.isLast == true && $0.count <= 2 })
        #expect(run.heard == run.heard.sorted())
        #expect(run.faults.isEmpty, "seed \(seed): \(run.faults.prefix(3))")
    }
}
