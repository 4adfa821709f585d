/// Fleets in which no two sites are alike: what differs from node to node in the field.
extension RandomFleet {
    /// A link of its own for each leaf: fibre, a good and a bad mobile network, a satellite.
    mutating func variedNetwork() -> [String] {
        var lines = ["network:"]
        for leaf in 0..<leaves {
            let words =
                switch draws.draw(below: 4) {
                case 0: "latency: \(1 + draws.draw(below: 15))ms, jitter: 1ms"
                case 1:
                    "latency: \(15 + draws.draw(below: 50))ms, jitter: \(draws.draw(below: 20))ms,"
                        + " loss: 0.1%, bandwidth: \(2 + draws.draw(below: 30))Mbit/s"
                case 2:
                    "latency: \(40 + draws.draw(below: 120))ms, jitter: 40ms,"
                        + " loss: \(1 + draws.draw(below: 5))%,"
                        + " bandwidth: \(pick([64, 256, 512]))kbit/s"
                default: "latency: \(250 + draws.draw(below: 60))ms, loss: 0.5%, bandwidth: 1Mbit/s"
                }
            lines.append("  - { between: [leaf-\(leaf), all], \(words) }")
        }
        return lines
    }

    /// An engine of its own for each leaf: three revisions of hardware, from fast to very slow.
    mutating func variedEngines() -> [String] {
        ["engines:"]
            + (0..<leaves).map { leaf in
                let time = pick([2, 8, 40]) + draws.draw(below: 5)
                return "  - { of: leaf-\(leaf), time: \(time)ms, spread: \(draws.draw(below: 80))%,"
                    + " load: \(draws.draw(below: 8))s }"
            }
    }

    /// Rules that differ, as those of nodes that were set up in different years do.
    mutating func variedRouting() -> String {
        "{ admission: { places: \(4 + draws.draw(below: 60)) },"
            + " breaker: { consecutive_failures: \(3 + draws.draw(below: 5)) },"
            + " probe: { every: \(pick([500, 1000, 2000]))ms },"
            + " hedge: { quantile: \(pick([90, 95, 99]))% } }"
    }
}
