import Ground
import Testing

@testable import Routing

/// Admission on a clock of its own: frames come, workers take them and end.
private struct Desk {
    var admission: Admission
    var now = Instant(nanoseconds: 1_000_000_000)
    var number: UInt32 = 0
    var classes: [FrameID: WorkClass] = [:]
    var sources: [FrameID: Int] = [:]

    init(places: Int, workers: Int = 1, leastPlaces: Int? = nil, tasks: Int = 1) {
        var settings = Admission.Settings()
        settings.mostPlaces = places
        settings.leastPlaces = leastPlaces ?? places
        admission = Admission(settings, tasks: tasks)
        admission.setWorkers(workers)
    }

    @discardableResult
    mutating func arrive(
        _ workClass: WorkClass = .realtime, source: Int = 0, within: Interval = .seconds(10),
        task: Int = 0
    ) -> (id: FrameID, entry: Admission.Entry, displaced: FrameID?) {
        number += 1
        let id = FrameID(slot: number, generation: 0)
        classes[id] = workClass
        sources[id] = source
        let entry = admission.enter(
            Admission.Claim(
                id: id, task: task, workClass: workClass, source: source, deadline: now + within),
            now: now)
        return (id, entry, admission.takeDisplaced())
    }

    /// The oldest running frame ends after some work; who begins next.
    mutating func finishOne(after work: Interval = .milliseconds(10)) -> FrameID? {
        guard let first = admission.running.first else { return nil }
        now = now + work
        admission.finish(first.claim.id, answered: true, now: now)
        return admission.next(now: now)
    }

    /// Ends frames until another begins. The first work is handed over ahead, since nothing is
    /// known of its length; after that two endings may come before a beginning.
    mutating func finishUntilNext() -> FrameID? {
        for _ in 0..<2 {
            if let next = finishOne() { return next }
        }
        return nil
    }
}

@Suite("Admission")
struct AdmissionTests {
    @Test func `A free worker takes a frame at once, and one more is handed to the engine`() {
        var desk = Desk(places: 8)
        #expect(desk.arrive().entry == .begin)
        #expect(desk.arrive().entry == .begin)
        #expect(desk.arrive().entry == .wait)
    }

    @Test func `An engine of its own holds no worker of the others, and they none of it`() {
        var desk = Desk(places: 16, tasks: 3)
        desk.admission.setAlone(true, task: 1)
        for _ in 0..<2 { #expect(desk.arrive(task: 1).entry == .begin) }
        #expect(desk.arrive(task: 1).entry == .wait, "it hangs")
        let other = desk.arrive(task: 0)
        #expect(other.entry == .wait && desk.admission.next(now: desk.now) == other.id)
        let third = desk.arrive(task: 2)
        #expect(desk.admission.next(now: desk.now) == third.id)
        _ = desk.arrive(task: 2)
        #expect(desk.admission.next(now: desk.now) == nil, "0 and 2 share their workers")
    }

    @Test func `With two workers one is kept for realtime`() {
        var desk = Desk(places: 16, workers: 2)
        for _ in 0..<4 { desk.arrive(.batch) }
        #expect(desk.admission.runningCount == 2)
        #expect(desk.arrive(.realtime).entry == .wait, "those who wait are asked in turn")
        let next = desk.admission.next(now: desk.now)
        #expect(next.flatMap { desk.classes[$0] } == .realtime)
        #expect(desk.admission.next(now: desk.now) == nil)
    }

    @Test func `When all places are taken the lowest class above its share gives way`() {
        var desk = Desk(places: 20)
        for _ in 0..<6 { desk.arrive(.sync) }
        for _ in 0..<8 { desk.arrive(.batch) }
        for _ in 0..<6 { desk.arrive(.standard) }
        // Of 20 places sync keeps 1, batch 3 and standard 6. Two of sync run and cannot be moved.
        var shed: [WorkClass?] = []
        for _ in 0..<9 {
            let (_, entry, displaced) = desk.arrive(.realtime)
            #expect(entry == .wait)
            shed.append(displaced.flatMap { desk.classes[$0] })
        }
        #expect(shed == [.sync, .sync, .sync, .sync, .batch, .batch, .batch, .batch, .batch])
        #expect(desk.arrive(.realtime).entry == .wait, "the place of one of sync that runs")
        #expect(desk.arrive(.realtime).entry == .full)
        #expect(desk.admission.held(by: .batch) == 3)
        #expect(desk.admission.waitingCount + desk.admission.runningCount == 21)
    }

    @Test func `A class within its share gets in, whoever holds the places`() {
        var desk = Desk(places: 20)
        for _ in 0..<20 { desk.arrive(.realtime) }
        let (_, entry, displaced) = desk.arrive(.batch)
        #expect(entry == .wait)
        #expect(displaced.flatMap { desk.classes[$0] } == .realtime)
        #expect(desk.arrive(.realtime).entry == .full)
    }

    @Test func `A loud source gives way to a quiet one, and not the other way round`() {
        var desk = Desk(places: 10)
        for _ in 0..<10 { desk.arrive(source: 1) }
        let (_, entry, displaced) = desk.arrive(source: 2)
        #expect(entry == .wait)
        #expect(displaced.flatMap { desk.sources[$0] } == 1)
        #expect(desk.arrive(source: 1).entry == .full)
    }

    @Test func `A quiet source is served next, however many of a loud one wait`() {
        var desk = Desk(places: 64)
        for _ in 0..<40 { desk.arrive(source: 1) }
        let quiet = desk.arrive(source: 2).id
        #expect(desk.finishUntilNext() == quiet)
    }

    @Test func `Under load from all classes each gets its share of the work`() {
        var desk = Desk(places: 256)
        var served: [WorkClass: Int] = [:]
        for workClass in WorkClass.allCases {
            for _ in 0..<8 { desk.arrive(workClass) }
        }
        for _ in 0..<2_000 {
            guard let id = desk.finishUntilNext(), let workClass = desk.classes[id] else { break }
            served[workClass, default: 0] += 1
            desk.arrive(workClass)
        }
        #expect(abs(served[.realtime]! - 1_000) <= 40)
        #expect(abs(served[.standard]! - 600) <= 40)
        #expect(abs(served[.batch]! - 300) <= 40)
        #expect(abs(served[.sync]! - 100) <= 40)
    }

    @Test func `What one class leaves the others use`() {
        var desk = Desk(places: 256)
        for _ in 0..<8 { desk.arrive(.sync) }
        for _ in 0..<100 {
            guard let id = desk.finishUntilNext() else { break }
            #expect(desk.classes[id] == .sync)
            desk.arrive(.sync)
        }
        #expect(desk.admission.runningCount == 1)
    }

    @Test func `A class that slept has no claim to what it did not use`() {
        var desk = Desk(places: 256)
        for _ in 0..<8 { desk.arrive(.sync) }
        for _ in 0..<200 {
            _ = desk.finishUntilNext()
            desk.arrive(.sync)
        }
        for _ in 0..<40 { desk.arrive(.batch) }
        let served = (0..<20).compactMap { _ in desk.finishUntilNext() }.map { desk.classes[$0]! }
        #expect(served.contains(.sync), "sync is not made to pay for the time when it was alone")
    }

    @Test func `A frame whose time is shorter than the work is refused at once`() {
        var desk = Desk(places: 64)
        desk.arrive()
        _ = desk.finishOne(after: .milliseconds(30))
        #expect(desk.arrive(within: .milliseconds(20)).entry == .hopeless)
        #expect(desk.arrive(within: .milliseconds(40)).entry == .begin)
    }

    @Test func `A frame that gives its place up is not begun`() {
        var desk = Desk(places: 8)
        desk.arrive()
        desk.arrive()
        let waiting = desk.arrive().id
        desk.admission.withdraw(waiting)
        #expect(desk.finishOne() == nil)
        #expect(desk.admission.held(by: .realtime) == 1)
    }

    @Test func `Places shrink while frames take long, to what 40 ms of work need, and come back`() {
        var settings = Admission.Settings()
        settings.mostPlaces = 256
        var limit = ConcurrencyLimit(settings)
        limit.setWorkers(2)
        #expect(limit.places == 256)
        for _ in 0..<4_000 {
            limit.observe(sojourn: .milliseconds(400), service: .milliseconds(5), held: 256)
        }
        #expect(limit.places == 16, "40 ms ÷ 5 ms by two workers")
        for _ in 0..<4_000 {
            limit.observe(sojourn: .milliseconds(6), service: .milliseconds(5), held: 256)
        }
        #expect(limit.places == 256)
        for _ in 0..<4_000 {
            limit.observe(sojourn: .milliseconds(400), service: .microseconds(300), held: 256)
        }
        #expect(limit.places >= 240, "a hundred cameras of a tiny model are no overload")
    }

    @Test func `Work that is slow for a while takes few places away, and more when it stays so`() {
        var limit = ConcurrencyLimit(Admission.Settings())
        func work(_ frames: Int, of milliseconds: Int64) {
            for _ in 0..<frames {
                limit.observe(
                    sojourn: .milliseconds(20 * milliseconds),
                    service: .milliseconds(milliseconds), held: 4)
            }
        }
        work(1_000, of: 1)
        #expect(limit.places == 40)
        // Half a minute of four cameras, then for good.
        work(120 * 30, of: 8)
        #expect(limit.places >= 12 && limit.places <= 20)
        work(120 * 3_600, of: 8)
        #expect(limit.places == 5)
    }
}

/// Random arrivals and endings: what admission never does.
@Suite("Admission under random load")
struct AdmissionPropertyTests {
    @Test func `Places and workers hold, and nobody is shed while a lower class has too much`() {
        var random = Randomness(seed: 7)
        var sheds = 0
        for round in 0..<60 {
            var desk = Desk(places: 12 + round, workers: 1 + round % 4)
            for _ in 0..<400 {
                if random.unit() < 0.7 {
                    let workClass = WorkClass.allCases.randomElement(using: &random)!
                    let source = Int.random(in: 0...5, using: &random)
                    let (_, entry, displaced) = desk.arrive(workClass, source: source)
                    let victim = displaced.flatMap { desk.classes[$0] }
                    if entry == .full { check(desk, shed: workClass) }
                    if let victim { check(desk, shed: victim, for: workClass) }
                    sheds += entry == .full || victim != nil ? 1 : 0
                } else {
                    let work = Int64.random(in: 1...9_000, using: &random)
                    _ = desk.finishOne(after: .microseconds(work))
                    while desk.admission.next(now: desk.now) != nil {}
                }
                let held = desk.admission.waitingCount + desk.admission.runningCount
                // Those who run cannot give way to a class that has less than its share.
                let most = desk.admission.workers + 2 * Admission.ahead
                #expect(held <= desk.admission.limit.places + most)
                #expect(desk.admission.runningCount <= most)
                #expect(held == WorkClass.allCases.reduce(0) { $0 + desk.admission.held(by: $1) })
            }
        }
        #expect(sheds > 1_000)
    }

    /// Of the classes below the one that was shed, none waits with more than its share.
    private func check(_ desk: Desk, shed: WorkClass, for newcomer: WorkClass? = nil) {
        for lower in WorkClass.allCases where lower < shed {
            let waits = desk.admission.waiting.contains { $0.claim.workClass == lower }
            guard waits, lower != newcomer else { continue }
            #expect(desk.admission.held(by: lower) <= desk.admission.guaranteed(lower))
        }
    }
}
