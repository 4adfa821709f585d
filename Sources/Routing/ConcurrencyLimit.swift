internal import Ground

/// How many frames a node takes in at once, found from how long they take (a gradient limit).
///
/// While frames take no longer than `tolerance` times the work alone, the limit grows by its square
/// root; beyond, it shrinks in proportion. What `slack` of work takes is always let in, by what the
/// work takes when nothing disturbs it: on a machine that is busy with something else for a while
/// each frame takes longer, and would else be turned away for that.
public struct ConcurrencyLimit: Sendable {
    private var settings: Admission.Settings
    private var workers = 1
    private var estimate: Double
    private var service = ServiceTime()
    /// The least that the work took of late, in ns: what it takes undisturbed. It follows a machine
    /// that has become slower for good by a thousandth every window.
    private var undisturbed: Double?
    private var samples = 0
    private var slowest = Interval.zero
    /// The present limit.
    public private(set) var places: Int

    /// Frames between two steps: fewer say little about the slowest.
    private static let window = 16

    init(_ settings: Admission.Settings) {
        self.settings = settings
        // Before anything was measured, a node takes what it may hold.
        places = settings.mostPlaces
        estimate = Double(places)
    }

    mutating func configure(_ settings: Admission.Settings) {
        self.settings = settings
        settle()
    }

    mutating func setWorkers(_ count: Int) {
        workers = count
        settle()
    }

    /// Hears of a frame that was worked on.
    ///
    /// - Parameters:
    ///   - sojourn: from its coming to the end of the work.
    ///   - service: the work alone.
    ///   - held: frames that were in when it ended.
    mutating func observe(sojourn: Interval, service: Interval, held: Int) {
        self.service.observe(service)
        samples += 1
        slowest = max(slowest, sojourn)
        guard samples >= Self.window, let mean = self.service.mean else { return }
        let present = Double(mean.nanoseconds)
        undisturbed = undisturbed.map { min(present, $0 + (present - $0) / 1_024) } ?? present
        let wanted = present * Double(settings.tolerance)
        let gradient = min(1, max(0.5, wanted / Double(max(slowest.nanoseconds, 1))))
        // A limit that nobody comes near has proved nothing, and does not grow.
        let grows = Double(held) * 2 >= estimate
        let step = grows ? estimate.squareRoot() : 0
        estimate = estimate * 0.8 + (estimate * gradient + step) * 0.2
        samples = 0
        slowest = .zero
        settle()
    }

    private mutating func settle() {
        let most = Double(settings.mostPlaces)
        let least = min(most, Double(leastPlaces))
        estimate = min(most, max(least, estimate))
        places = Int(estimate)
    }

    private var leastPlaces: Int {
        let floor = settings.leastPlaces * workers
        guard let mean = service.mean else { return settings.mostPlaces }
        let work = max(undisturbed ?? Double(mean.nanoseconds), 1)
        return max(floor, Int(Double(settings.slack.nanoseconds) / work) * workers)
    }
}
