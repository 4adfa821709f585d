import Ground
import Testing

@testable import Routing

@Suite struct FrameLaneTests {
    typealias Lane = FrameLane<Int, String>

    /// A lane, a clock and what it said.
    struct Bench {
        var lane: Lane
        var now = Instant(nanoseconds: 1_000_000_000)
        /// What was sent since this was emptied: passage and number.
        var sent: [[Int]] = []
        var told: [String] = []
        var late: [UInt32] = []

        init(_ settings: LaneSettings = LaneSettings()) { lane = Lane(settings) }

        mutating func on(_ events: Lane.Event...) {
            for event in events {
                var effects: [Lane.Effect] = []
                lane.on(event, now: now, into: &effects)
                for effect in effects { note(effect) }
            }
        }

        mutating func offer(_ numbers: ClosedRange<Int>, bytes: Int = 10) {
            for number in numbers {
                on(.offered(number, number, bytes: bytes, timeout: .seconds(1)))
            }
        }

        mutating func wait(_ milliseconds: Int64) {
            now = now + .milliseconds(milliseconds)
            on(.tick)
        }

        private mutating func note(_ effect: Lane.Effect) {
            switch effect {
            case .send(let passage, let number, let load, _):
                #expect(load == number)
                sent.append([Int(passage), number])
            case .late(let passage): late.append(passage)
            case .tell(let number, let word): told.append("\(number) \(Self.text(word))")
            }
        }

        static func text(_ word: Lane.Word) -> String {
            switch word {
            case .answered(let answer, isFinal: true): answer
            case .answered(let answer, isFinal: false): "first \(answer)"
            case .failed(let fault): "\(fault.code)"
            case .dropped(let reason): "dropped \(reason.rawValue)"
            }
        }
    }

    private let away = Fault(.unavailable, "away")

    @Test func `Answers are told in the frames' order, whatever order they come in`() {
        var bench = Bench()
        bench.on(.opened(1))
        bench.offer(0...3)
        #expect(bench.sent == [[1, 0], [1, 1], [1, 2], [1, 3]])
        bench.on(.answered(2, "c", isFinal: true), .answered(1, "b", isFinal: true))
        #expect(bench.told.isEmpty)
        bench.on(.answered(0, "a", isFinal: true), .answered(0, "again", isFinal: true))
        bench.on(.refused(1, 3, Fault(.invalid, "no")))
        #expect(bench.told == ["0 a", "1 b", "2 c", "3 invalid"])
        #expect(bench.lane.count == 0 && bench.lane.bytes == 0)
    }

    @Test func `What a broken passage left unanswered leaves again in order on the next`() {
        var bench = Bench()
        bench.on(.opened(1))
        bench.offer(0...4)
        bench.on(.answered(1, "b", isFinal: true))
        bench.sent = []
        bench.on(.closed(1))
        bench.offer(5...5)
        #expect(bench.sent.isEmpty)
        bench.on(.opened(2))
        #expect(bench.sent == [[2, 0], [2, 2], [2, 3], [2, 4], [2, 5]])
        // The old node's answer to 0 was still on its way: it counts, and the second one does not.
        for (number, answer) in [(0, "a"), (0, "A"), (2, "c"), (3, "d"), (4, "e"), (5, "f")] {
            bench.on(.answered(number, answer, isFinal: true))
        }
        #expect(bench.told == ["0 a", "1 b", "2 c", "3 d", "4 e", "5 f"])
    }

    @Test func `After a move the node before may answer what it has`() {
        var bench = Bench()
        bench.on(.opened(1))
        bench.offer(0...1)
        bench.on(.opened(2))
        bench.offer(2...2)
        #expect(bench.sent == [[1, 0], [1, 1], [2, 2]])
        bench.on(.answered(2, "c", isFinal: true), .answered(0, "a", isFinal: true), .closed(1))
        #expect(bench.sent.last == [2, 1], "it ended before it had answered")
    }

    @Test func `While there is nowhere to go frames wait, and those under way may be answered`() {
        var bench = Bench()
        bench.on(.opened(1))
        bench.offer(0...0)
        bench.on(.halted)
        bench.offer(1...1)
        bench.on(.answered(0, "a", isFinal: true))
        #expect(bench.sent == [[1, 0]] && bench.told == ["0 a"])
        bench.on(.opened(2))
        #expect(bench.sent.last == [2, 1])
    }

    @Test func `A first answer is told once, also when the frame is sent again`() {
        var bench = Bench()
        bench.on(.opened(1))
        bench.offer(0...2)
        bench.on(.answered(1, "early", isFinal: false), .answered(1, "late", isFinal: true))
        #expect(bench.told.isEmpty, "frame 0 comes first")
        bench.on(.answered(0, "x", isFinal: false))
        #expect(bench.told == ["0 first x", "1 first early", "1 late"])
        bench.on(.answered(2, "z", isFinal: true), .closed(1), .opened(2))
        bench.on(.answered(0, "x again", isFinal: false), .answered(0, "X", isFinal: true))
        #expect(bench.told.suffix(2) == ["2 z", "0 X"])
    }

    static let full: [(rule: DropRule, dropped: [String], kept: [Int])] = [
        (.oldest, ["0 dropped full", "1 dropped full"], [2, 3, 4]),
        (.newest, ["3 dropped full", "4 dropped full"], [0, 1, 2]),
        (.reject, ["3 dropped full", "4 dropped full"], [0, 1, 2]),
    ]

    @Test func `A full buffer drops by its rule and tells of each frame`() {
        for row in Self.full {
            for bytes in [3, 1000] {
                var settings = LaneSettings()
                settings.rule = row.rule
                settings.frames = bytes == 3 ? 100 : 3
                settings.bytes = bytes * 10
                var bench = Bench(settings)
                bench.offer(0...4)
                #expect(bench.told == row.dropped, "\(row.rule)")
                bench.on(.opened(1))
                #expect(bench.sent.map { $0[1] } == row.kept, "\(row.rule)")
            }
        }
    }

    @Test func `Frames under way are not dropped, and one larger than the buffer costs no other`() {
        var settings = LaneSettings()
        settings.frames = 3
        settings.bytes = 100
        var bench = Bench(settings)
        bench.on(.opened(1))
        bench.offer(0...3)
        #expect(bench.told == ["3 dropped full"])
        bench.on(.closed(1))
        bench.offer(4...4, bytes: 101)
        #expect(bench.told.last == "4 dropped full" && bench.lane.count == 3)
        bench.offer(5...5)
        #expect(bench.told.last == "0 dropped full", "after the break they wait like any other")
    }

    @Test func `A frame that waits for too long is dropped as too old`() {
        var bench = Bench()
        bench.offer(0...0)
        bench.wait(59_000)
        bench.offer(1...1)
        bench.wait(1_500)
        #expect(bench.told == ["0 dropped tooOld"])
        bench.on(.opened(1))
        #expect(bench.sent == [[1, 1]])
    }

    @Test func `No more frames are under way than the window holds`() {
        var settings = LaneSettings()
        settings.window = 2
        settings.underWay = 3
        var bench = Bench(settings)
        bench.on(.opened(1))
        bench.offer(0...5)
        #expect(bench.sent.count == 2)
        bench.on(.answered(1, "b", isFinal: true))
        #expect(bench.sent.count == 2, "an answer that cannot be told yet holds its place")
        bench.on(.answered(0, "a", isFinal: false))
        #expect(bench.sent.count == 4)
        bench.on(.answered(2, "c", isFinal: false), .answered(3, "d", isFinal: false))
        #expect(bench.sent.count == 4 && bench.lane.count == 5)
        bench.on(.answered(0, "A", isFinal: true))
        #expect(bench.sent.count == 5)
    }

    @Test func `An unanswered frame goes to another node at once, to the same after a pause`() {
        var bench = Bench()
        bench.on(.opened(1))
        bench.offer(0...0)
        bench.wait(1_251)
        #expect(bench.late == [1] && bench.sent.count == 1)
        bench.on(.opened(2))
        #expect(bench.sent.last == [2, 0])
        bench.on(.refused(2, 0, away))
        bench.offer(1...1)
        #expect(bench.sent.count == 2, "the one after it does not overtake")
        bench.wait(501)
        #expect(bench.sent.suffix(2) == [[2, 0], [2, 1]])
    }

    @Test func `What has waited is sent again where there was no room, what is new is not`() {
        let full = Fault(.exhausted, "no room", retry: .after(.milliseconds(200)))
        var bench = Bench()
        bench.offer(0...2)
        bench.wait(900)
        bench.on(.opened(1))
        bench.offer(3...3)
        bench.sent = []
        bench.on(.refused(1, 1, full), .refused(1, 2, full), .refused(1, 3, full))
        bench.offer(4...4)
        bench.on(.answered(0, "a", isFinal: true))
        bench.wait(150)
        #expect(bench.sent.isEmpty && bench.told == ["0 a"])
        bench.wait(60)
        #expect(bench.sent == [[1, 1], [1, 2], [1, 4]])
        for (number, answer) in [(1, "b"), (2, "c"), (4, "e")] {
            bench.on(.answered(number, answer, isFinal: true))
        }
        #expect(bench.told == ["0 a", "1 b", "2 c", "3 exhausted", "4 e"])
    }

    @Test func `A backlog leaves a few frames at a time, and more as answers come`() {
        let full = Fault(.exhausted, "no room", retry: .after(.milliseconds(200)))
        var bench = Bench()
        bench.offer(1...120)
        bench.wait(60)
        bench.on(.opened(1))
        #expect(bench.sent.count == 8)
        for number in 1...8 { bench.on(.answered(number, "a", isFinal: true)) }
        #expect(bench.sent.count == 24)
        // Those that find no room halve it once, and are sent again when the node said.
        bench.on(.refused(1, 23, full), .refused(1, 24, full))
        #expect(bench.lane.room.frames == 8)
        for number in 9...22 { bench.on(.answered(number, "a", isFinal: true)) }
        #expect(bench.sent.count == 24)
        bench.wait(210)
        #expect(bench.sent.dropFirst(24).prefix(3) == [[1, 23], [1, 24], [1, 25]])
        // It grows by one with each round of answers now.
        #expect(bench.lane.room.frames == 9)
    }

    @Test func `A frame that is answered twice makes room once`() {
        var bench = Bench()
        bench.offer(1...40)
        bench.wait(60)
        bench.on(.opened(1))
        // The second waits for the first to be told; the first is told at once.
        for number in [2, 1] {
            bench.on(.answered(number, "a", isFinal: false))
            bench.on(.answered(number, "b", isFinal: true))
        }
        #expect(bench.lane.room.frames == 10)
    }

    @Test func `A camera without a backlog has the whole window at once`() {
        var bench = Bench()
        bench.on(.opened(1))
        bench.offer(1...100)
        #expect(bench.sent.count == 64)
    }

    @Test func `A frame is sent four times and no more`() {
        for breaks in [true, false] {
            var bench = Bench()
            bench.offer(0...0)
            for passage in UInt32(1)...6 {
                bench.on(.opened(passage))
                bench.on(breaks ? .closed(passage) : .refused(passage, 0, away))
            }
            #expect(bench.sent.count == 4 && bench.told == ["0 unavailable"])
        }
        var bench = Bench()
        bench.on(.opened(1))
        bench.offer(0...0)
        for _ in 0..<10 { bench.wait(2_000) }
        #expect(bench.sent.count == 4 && bench.told == ["0 deadline"])
    }

    @Test func `A lane that is given up says so of every frame`() {
        var bench = Bench()
        bench.on(.opened(1))
        bench.offer(0...1)
        bench.on(.answered(1, "b", isFinal: true), .abandoned(Fault(.cancelled, "closed")))
        #expect(bench.told == ["0 cancelled", "1 b"])
        #expect(bench.lane.count == 0 && bench.lane.bytes == 0)
    }
}
