import Ground

/// How each kind of happening is written.
enum Kind: String, CaseIterable {
    case partition, link, engine, kill, restart, clock, load

    typealias Read = (Happening.What, words: String)

    /// Reads the member of this kind; `nil` after a fault.
    func read(_ item: Fields, _ targets: Targets, _ topology: Topology) -> Read? {
        switch self {
        case .kill:
            return item.required(rawValue, .target(targets)).map {
                (.kill($0), "\($0.name) is gone")
            }
        case .restart:
            return item.required(rawValue, .target(targets)).map {
                (.restart($0), "\($0.name) restarts")
            }
        case .partition, .link, .engine, .clock, .load: break
        }
        let fields = item.fields(rawValue)
        defer { fields.finish() }
        switch self {
        case .partition: return partition(fields, targets)
        case .link: return link(fields, targets)
        case .engine: return engine(fields, targets)
        case .clock: return clock(fields, targets)
        default: return load(fields, targets, topology)
        }
    }

    private func partition(_ fields: Fields, _ targets: Targets) -> Read? {
        fields.required("between", .sides(targets)).map {
            (.partition($0), "\($0.one.name) ⇹ \($0.other.name) cut")
        }
    }

    private func link(_ fields: Fields, _ targets: Targets) -> Read? {
        let sides = fields.required("between", .sides(targets))
        let traits = LinkTraits(fields)
        // Faster than a tenth of a second it is loss; slower than an hour two happenings.
        let flap = fields.value("flap", .interval(.milliseconds(100)...(.seconds(3600))))
        let words = [
            traits.latency.map { "latency \(Units.text(Int($0.nanoseconds), Units.nanoseconds))" },
            traits.jitter.map { "jitter \(Units.text(Int($0.nanoseconds), Units.nanoseconds))" },
            traits.loss.map { "loss \(Units.text(share: $0))" },
            traits.bandwidth.map { Units.text($0, Units.bitsPerSecond) },
            flap.map { "flaps every \(Units.text(Int($0.nanoseconds), Units.nanoseconds))" },
        ].compactMap(\.self).joined(separator: ", ")
        if words.isEmpty && fields.isReadable {
            fields.report.add(
                fields.place, "\(fields.subject) does not say what the link is like",
                "give `latency`, `jitter`, `loss`, `bandwidth` or `flap`")
        }
        return sides.map {
            (.link($0, traits, flap: flap), "\($0.one.name) – \($0.other.name): \(words)")
        }
    }

    private func engine(_ fields: Fields, _ targets: Targets) -> Read? {
        let of = fields.required("of", .target(targets))
        let slow = fields.value("slow", .decimal(1...1_000_000))
        let fault: EngineFault? = fields.value("fault", .word)
        if (slow == nil) == (fault == nil) && fields.isReadable {
            fields.report.add(
                fields.place, "\(fields.subject) needs either `slow` or `fault`",
                "give `slow: 10`, `fault: crash` or `fault: wedge`")
        }
        guard let of else { return nil }
        switch (fault, slow) {
        case (.crash, _): return (.crash(of), "engine of \(of.name) crashes")
        case (.wedge, _): return (.wedge(of), "engine of \(of.name) hangs")
        case (nil, let slow?): return (.slow(of, times: slow), "engine of \(of.name) × \(slow)")
        case (nil, nil): return nil
        }
    }

    private enum EngineFault: String, CaseIterable { case crash, wedge }

    private func clock(_ fields: Fields, _ targets: Targets) -> Read? {
        let of = fields.required("of", .target(targets))
        let step = fields.value("step", .signedInterval(within: .seconds(3600)))
        // Kernels slew by at most 500 ppm; a broken crystal is ten times worse.
        let drift = fields.value("drift", .partsPerMillion(within: 5000))
        if step == nil && drift == nil && fields.isReadable {
            fields.report.add(
                fields.place, "\(fields.subject) does not say what the clock does",
                "give `step: -5s` or `drift: 200ppm`")
        }
        let words = [
            step.map { "steps \(Units.text(Int($0.nanoseconds), Units.nanoseconds))" },
            drift.map { "drifts \($0) ppm" },
        ].compactMap(\.self).joined(separator: ", ")
        return of.map {
            (.clock($0, step: step ?? .zero, drift: drift ?? 0), "clock of \($0.name) \(words)")
        }
    }

    private func load(_ fields: Fields, _ targets: Targets, _ topology: Topology) -> Read? {
        let to = fields.required("to", .target(targets))
        let task = fields.value("task", .task(of: topology))
        let times = fields.required("times", .decimal(0...10_000))
        guard let to, let times else { return nil }
        return (.load(to, task: task, times: times), "load at \(to.name) × \(times)")
    }
}

extension Shape<Interval> {
    /// A length of time with a sign, such as `-5s`.
    static func signedInterval(within most: Interval) -> Shape {
        Shape(
            "a step such as -5s", in: .nanoseconds(-most.nanoseconds)...most,
            print: { Units.text(Int($0.nanoseconds), Units.nanoseconds) }
        ) { text throws(Units.Misfit) in
            guard text.hasPrefix("-") else { return try Units.interval(text) }
            return .nanoseconds(-(try Units.interval(String(text.dropFirst()))).nanoseconds)
        }
    }
}

extension Shape<Int> {
    /// Parts per million with a sign, such as `200ppm`.
    static func partsPerMillion(within most: Int) -> Shape {
        Shape("a drift such as 200ppm", in: -most...most, print: { "\($0)ppm" }) {
            text throws(Units.Misfit) in
            let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
            guard digits.hasSuffix("ppm"), let number = Int(digits.dropLast(3)), number >= 0 else {
                throw Units.Misfit(
                    problem: "is no drift", remedy: "write parts per million: 200ppm")
            }
            return text.hasPrefix("-") ? -number : number
        }
    }
}
