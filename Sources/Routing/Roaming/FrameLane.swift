public import Ground

/// One camera's frames on their way: which wait, which are under way where, and what the camera has
/// been told.
///
/// Frames leave in their order, and the camera hears of them in their order, whatever order nodes
/// answer in: of each frame one last word, an answer or why there is none, and in `refine` mode
/// a first answer before it. A passage is one stream to one node. When it ends, what it left
/// unanswered leaves again on the next one, under the same number. While there is none, frames wait
/// within bounds, and each that is dropped is told of at once.
///
/// It takes events and returns effects; whoever hosts it owns clock, sockets and timers.
public struct FrameLane<Load: Sendable, Answer: Sendable>: Sendable {
    /// What happens to a lane.
    public enum Event: Sendable {
        /// The camera has a frame. Numbers only grow; `timeout` is what a node may take for it.
        case offered(Int, Load, bytes: Int, timeout: Interval)
        /// Frames leave on this passage from now on. The one before may still answer.
        case opened(UInt32)
        /// No frames leave for now. What is under way may still be answered.
        case halted
        /// A passage has ended.
        case closed(UInt32)
        /// A frame's answer; of several the last is final.
        case answered(Int, Answer, isFinal: Bool)
        /// A node refused a frame.
        case refused(UInt32, Int, Fault)
        /// Some time has passed.
        case tick
        /// The lane is given up: every frame's last word is this fault.
        case abandoned(Fault)
    }

    /// What the host does.
    public enum Effect: Sendable {
        /// Send the frame; `attempt` is 1 for the first time.
        case send(UInt32, Int, Load, attempt: Int)
        /// Tell the camera.
        case tell(Int, Word)
        /// A passage left a frame without an answer for too long.
        case late(UInt32)
    }

    /// What a camera is told of a frame.
    public enum Word: Sendable {
        /// An answer; when it is not final a better one follows.
        case answered(Answer, isFinal: Bool)
        case failed(Fault)
        case dropped(DropReason)

        /// Whether nothing follows.
        public var isLast: Bool {
            if case .answered(_, isFinal: false) = self { false } else { true }
        }
    }

    enum Place: Sendable {
        /// For a passage; until then not for `unless`, which did not answer it.
        case waiting(unless: UInt32?, until: Instant)
        case sent(UInt32, due: Instant)
        /// Its last word is known.
        case done(Word)
    }

    struct Entry: Sendable {
        let number: Int
        var load: Load?
        let bytes: Int
        let timeout: Interval
        let offeredAt: Instant
        var place = Place.waiting(unless: nil, until: Instant(nanoseconds: 0))
        var attempts = 0
        /// It waited here before it left.
        var hasWaited = false
        /// A first answer that the camera has not been told yet.
        var first: Answer?
        /// The camera has had a first answer.
        var isSpoken = false
    }

    public let settings: LaneSettings
    /// Sorted by number.
    var entries: [Entry] = []
    var passage: UInt32?
    /// How many frames the passage may have under way.
    var room: PassageRoom
    /// Bytes of frames without their last word.
    public internal(set) var bytes = 0

    public init(_ settings: LaneSettings = LaneSettings()) {
        self.settings = settings
        room = PassageRoom(settings, waiting: 0)
    }

    /// Frames without their last word.
    public var count: Int { entries.count }

    /// Takes one event; what follows from it is appended to `effects`.
    public mutating func on(_ event: Event, now: Instant, into effects: inout [Effect]) {
        switch event {
        case .offered(let number, let load, let bytes, let timeout):
            let entry = Entry(
                number: number, load: load, bytes: bytes, timeout: timeout, offeredAt: now)
            offer(entry, &effects)
        case .opened(let passage):
            self.passage = passage
            room = PassageRoom(settings, waiting: entries.count)
        case .halted: passage = nil
        case .closed(let passage): close(passage)
        case .answered(let number, let answer, let isFinal): take(number, answer, isFinal)
        case .refused(let passage, let number, let fault): refuse(passage, number, fault, now)
        case .tick: expire(now, &effects)
        case .abandoned(let fault):
            passage = nil
            for index in entries.indices { finish(index, .failed(fault)) }
        }
        tell(&effects)
        send(now, &effects)
    }

    // MARK: Room

    private mutating func offer(_ entry: Entry, _ effects: inout [Effect]) {
        while entries.count >= settings.frames || bytes + entry.bytes > settings.bytes {
            guard settings.rule == .oldest, entry.bytes <= settings.bytes,
                let oldest = entries.firstIndex(where: \.isWaiting)
            else { return effects.append(.tell(entry.number, .dropped(.full))) }
            drop(oldest, .full, &effects)
        }
        entries.append(entry)
        bytes += entry.bytes
    }

    mutating func drop(_ index: Int, _ reason: DropReason, _ effects: inout [Effect]) {
        bytes -= entries[index].bytes
        effects.append(.tell(entries.remove(at: index).number, .dropped(reason)))
    }

    // MARK: Words

    private mutating func take(_ number: Int, _ answer: Answer, _ isFinal: Bool) {
        guard let index = index(of: number), !entries[index].isDone else { return }
        let isFirst = !entries[index].isSpoken && entries[index].first == nil
        if case .sent(let on, _) = entries[index].place, on == passage, isFirst {
            room.answered()
        }
        if isFinal {
            finish(index, .answered(answer, isFinal: true))
        } else if !entries[index].isSpoken {
            entries[index].first = answer
        }
    }

    /// A frame's last word is known; its bytes are needed no more.
    mutating func finish(_ index: Int, _ word: Word) {
        guard !entries[index].isDone else { return }
        entries[index].place = .done(word)
        entries[index].load = nil
        bytes -= entries[index].bytes
    }

    /// Says what is known, up to the first frame of which nothing is.
    private mutating func tell(_ effects: inout [Effect]) {
        var index = 0
        while index < entries.count {
            let number = entries[index].number
            if let first = entries[index].first {
                effects.append(.tell(number, .answered(first, isFinal: false)))
                entries[index].first = nil
                entries[index].isSpoken = true
            }
            if case .done(let word) = entries[index].place {
                effects.append(.tell(number, word))
                entries.remove(at: index)
            } else if entries[index].isSpoken {
                index += 1
            } else {
                return
            }
        }
    }

    func index(of number: Int) -> Int? {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].number == number ? low : nil
    }
}

extension FrameLane.Entry {
    var isWaiting: Bool { if case .waiting = place { true } else { false } }
    var isDone: Bool { if case .done = place { true } else { false } }
}
