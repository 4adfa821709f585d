public import Ground
import Telemetry

extension SimulationReport {
    /// The report for programs; times in milliseconds, shares from 0 to 1.
    public var json: JSON {
        .object([
            "title": .string(title), "seed": .string("\(seed)"), "nodes": .integer(nodes),
            "seconds": .real(duration.seconds), "events": .integer(Int(events)),
            "trace": .string(String(trace, radix: 16)),
            "total": Self.json(total),
            "tasks": .object(
                Dictionary(tasks.map { ($0.name, Self.json($0.frames)) }) { first, _ in first }),
            "sites": .object(
                Dictionary(sites.map { ($0.name, Self.json($0)) }) { first, _ in first }),
            "calls": .object([
                "forwards": .integer(calls.forwards), "escalations": .integer(calls.escalations),
                "audits": .integer(calls.audits),
            ]),
            "slice_seconds": .real(slice.seconds), "series": .array(series.map(Self.json)),
            "violation": violation.map(Self.json) ?? .null,
        ])
    }

    private static func json(_ frames: Frames) -> JSON {
        .object([
            "sent": .integer(frames.sent), "lost": .integer(frames.lost),
            "answered": .integer(frames.answered), "accepted": .integer(frames.accepted),
            "shed": .integer(frames.shed), "under_way": .integer(frames.underWay),
            "answers": counts(tierNames, frames.answers),
            "degraded": counts(degradedNames, frames.degraded),
            "refused": counts(refusedNames, frames.refused),
            "latency_ms": .object([
                "leaf": json(frames.latency[0]), "regional": json(frames.latency[1]),
                "cloud": json(frames.latency[2]), "all": json(frames.allLatencies),
                "first": json(frames.first),
            ]),
            "slower_than_ms": .object(
                Dictionary(
                    thresholds.map { ("\($0)", .integer(slower(frames.allLatencies, $0))) }
                ) { first, _ in first }),
        ])
    }

    /// From which times to an answer on frames are counted as slow, in milliseconds.
    private static let thresholds: [UInt64] = [50, 100, 250]

    /// Answers that took longer than so many milliseconds.
    private static func slower(_ sketch: Sketch, _ milliseconds: UInt64) -> Int {
        let count = Int(sketch.count)
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            let value = sketch.quantile((Double(middle) + 0.5) / Double(count)) ?? 0
            if value > milliseconds * 1_000_000 { high = middle } else { low = middle + 1 }
        }
        return count - low
    }

    private static func json(_ site: Site) -> JSON {
        guard case .object(var members) = json(site.frames) else { return .null }
        members["bytes_out"] = .integer(Int(clamping: site.bytesOut))
        members["bytes_in"] = .integer(Int(clamping: site.bytesIn))
        return .object(members)
    }

    private static func json(_ slice: Slice) -> JSON {
        .object([
            "sent": .integer(slice.sent), "answers": counts(tierNames, slice.answers),
            "degraded": .integer(slice.degraded), "failed": .integer(slice.failed),
            "p50_ms": milliseconds(slice.p50), "p99_ms": milliseconds(slice.p99),
        ])
    }

    private static func json(_ violation: Violation) -> JSON {
        .object([
            "invariant": .string(violation.invariant.rawValue), "node": .string(violation.node),
            "seconds": .real(Double(violation.at) / 1e9), "words": .string(violation.words),
        ])
    }

    private static func json(_ sketch: Sketch) -> JSON {
        .object([
            "p50": milliseconds(sketch.quantile(0.5)), "p95": milliseconds(sketch.quantile(0.95)),
            "p99": milliseconds(sketch.quantile(0.99)), "max": milliseconds(sketch.maximum),
        ])
    }

    private static func milliseconds(_ nanoseconds: UInt64?) -> JSON {
        nanoseconds.map { .real(Double($0) / 1e6) } ?? .null
    }

    private static func counts(_ names: [String], _ counts: [Int]) -> JSON {
        .object(Dictionary(zip(names, counts.map(JSON.integer))) { first, _ in first })
    }
}
