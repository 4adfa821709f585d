import Ground

extension RandomFleet {
    // MARK: The scenario

    mutating func scenario() -> String {
        let seconds = Int(size.duration.nanoseconds / 1_000_000_000)
        var lines = ["scenario: 1", "duration: \(seconds)s", "load:"]
        // As many frames as asked for, shared by the loads and the leaves that they go to.
        let loads = 1 + draws.draw(below: 3)
        let each = max(size.frames / loads, 1)
        for load in 0..<loads { lines.append(self.load(load, frames: each, seconds: seconds)) }
        lines += size.isVaried ? variedNetwork() + variedEngines() : network() + engines()
        let count = oneIn(8) ? 0 : 1 + draws.draw(below: 6)
        let happenings = (0..<count).map { _ in happening(seconds) }
        if !happenings.isEmpty { lines += ["happenings:"] + happenings }
        return lines.joined(separator: "\n") + "\n"
    }

    private mutating func load(_ number: Int, frames: Int, seconds: Int) -> String {
        let task = number < tasks.count ? tasks[number] : pick(tasks)
        let cameras = 1 + draws.draw(below: 3)
        let every = max(seconds * 1000 * cameras * leaves / frames, 20)
        let words = [
            "to: leaf", "task: \(task)", "cameras: \(cameras)", "every: \(every)ms",
            "shape: \(pick(["steady", "random", "bursts", "diurnal"]))",
            "burst: \(5 + draws.draw(below: 60))", "idle: \(5 + draws.draw(below: 55))s",
            "class: \(pick(["realtime", "realtime", "standard", "batch", "sync"]))",
            "bytes: \(pick([1_000, 12_000, 100_000]))", "unsure: \(pick([5, 12, 12, 40, 100]))%",
            "alarming: \(pick([0, 1, 5]))%",
        ]
        return "  - { \(words.joined(separator: ", ")) }"
    }

    private mutating func network() -> [String] {
        guard oneIn(2) else { return [] }
        let loss = oneIn(3) ? ", loss: \(pick(["0.1", "1", "5"]))%" : ""
        let rate = oneIn(3) ? ", bandwidth: \(pick([64, 512, 4_000]))kbit/s" : ""
        return [
            "network:",
            "  - { between: [leaf, all], latency: \(1 + draws.draw(below: 80))ms,"
                + " jitter: \(draws.draw(below: 20))ms\(loss)\(rate) }",
        ]
    }

    private mutating func engines() -> [String] {
        guard oneIn(2) else { return [] }
        return [
            "engines:",
            "  - { of: \(pick(["leaf", "all"])), time: \(1 + draws.draw(below: 60))ms,"
                + " spread: \(draws.draw(below: 80))%, load: \(draws.draw(below: 5))s }",
        ]
    }

    /// Something that goes wrong in the first half of the time.
    private mutating func happening(_ seconds: Int) -> String {
        let at = draws.draw(below: max(seconds / 3, 1))
        let lasts = 1 + draws.draw(below: max(seconds / 6, 1))
        let what =
            switch draws.draw(below: 11) {
            case 0, 1: "partition: { between: [\(below()), \(above())] }"
            case 2:
                "link: { between: [\(below()), \(above())], flap: \(1 + draws.draw(below: 30))s }"
            case 3:
                "link: { between: [\(below()), \(above())], bandwidth: 64kbit/s, latency: 300ms,"
                    + " jitter: 100ms, loss: \(draws.draw(below: 60))% }"
            case 4: "engine: { of: \(any()), slow: \(2 + draws.draw(below: 40)) }"
            case 5: "engine: { of: \(any()), fault: crash }"
            case 6: "engine: { of: \(any()), fault: wedge }"
            case 7: "kill: \(any())"
            case 8: "restart: \(any())"
            case 9: "clock: { of: \(any()), step: \(draws.draw(below: 41) - 20)s }"
            default: "load: { to: \(below()), times: \(2 + draws.draw(below: 30)) }"
            }
        return "  - { at: \(at)s, for: \(lasts)s, \(what) }"
    }

    private mutating func below() -> String {
        oneIn(2) ? "leaf" : "leaf-\(draws.draw(below: leaves))"
    }

    private mutating func above() -> String {
        if hasCloud, oneIn(3) { return "cloud" }
        return oneIn(2) ? "regional" : "region-\(draws.draw(below: regions))"
    }

    private mutating func any() -> String { oneIn(2) ? below() : above() }
}
