import Foundation
import Ground
import Telemetry
import Testing
import Topology

@testable import Simulation

private let shipped = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Topology")

private func read(_ path: String) throws -> [UInt8] {
    try Array(Data(contentsOf: shipped.appending(path: path)))
}

/// What operators are told.
@Suite struct OperatorTests {
    private func live(
        _ topology: String, _ scenario: String, minutes: Int64
    ) throws -> SimulationReport {
        let fleet = try Topology(
            validating: TopologyFile([(topology, try read(topology))]))
        let name = "scenarios/\(scenario).yaml"
        let file = TopologyFile([(name, try read(name))], of: .scenario)
        let plan = try Scenario(validating: file, for: fleet).lasting(.seconds(60 * minutes))
        var simulation = try Simulation(fleet, plan, seed: 3)
        simulation.finish()
        #expect(simulation.violation == nil)
        return simulation.report
    }

    private func share(_ report: SimulationReport, _ reason: String) throws -> Double {
        let place = try #require(SimulationReport.degradedNames.firstIndex(of: reason))
        return Double(report.total.degraded[place]) / Double(report.total.sent)
    }

    @Test func `A regional outage degrades answers while it lasts, and loses none`() throws {
        let report = try live("demo.yaml", "regional-outage", minutes: 22)
        #expect(report.total.answered == report.total.sent)
        #expect(try share(report, "upstream_down") > 0.01)
        let during = report.series[120..<220].reduce(0) { $0 + $1.degraded }
        #expect(during > report.series[..<100].reduce(0) { $0 + $1.degraded })
    }

    @Test func `A flapping uplink degrades some answers and loses none`() throws {
        let report = try live("demo.yaml", "flapping-uplink", minutes: 12)
        #expect(report.total.answered == report.total.sent)
        #expect(report.total.degraded.reduce(0, +) > 0)
    }

    @Test func `A slow cloud makes late answers local ones`() throws {
        let report = try live("demo.yaml", "slow-cloud", minutes: 14)
        #expect(report.total.answered == report.total.sent)
        #expect(report.total.answers[2] < report.total.answers[1])
    }

    @Test func `A flash crowd is shed in part, and the rest is answered in time`() throws {
        let report = try live("demo.yaml", "flash-crowd", minutes: 6)
        #expect(report.total.sent > 5_000)
        #expect(report.total.answered > report.total.sent / 2)
        let slowest = try #require(report.total.allLatencies.quantile(1))
        #expect(slowest <= 1_000_000_000)
    }

    @Test func `A rolling restart is noticed by hardly a frame`() throws {
        let report = try live("examples/ten-hosts.yaml", "rolling-restart", minutes: 6)
        #expect(report.total.answered == report.total.sent)
        #expect(try share(report, "upstream_down") < 0.01)
    }

    @Test func `One bad host of ten spoils few answers`() throws {
        let report = try live("examples/ten-hosts.yaml", "one-bad-host", minutes: 6)
        #expect(report.total.answered == report.total.sent)
        #expect(Double(report.total.degraded.reduce(0, +)) < 0.02 * Double(report.total.sent))
    }

    @Test func `Clocks that step cost no answer`() throws {
        let report = try live("demo.yaml", "clock-step", minutes: 10)
        #expect(report.total.answered == report.total.sent)
    }

    @Test func `A crowd of ten times what a leaf can do gets most of what it can`() throws {
        let topology = try fleet(leaves: 1, regions: 1, task: "payload: local-only")
        let crowd = try scenario(
            "duration: 30s", "load: [{ to: leaf, task: look, cameras: 13, every: 40ms }]",
            "engines: [{ of: leaf, time: 30ms }]", for: topology)
        let total = try simulate(topology, crowd).report.total
        #expect(total.sent > 9_000)
        // 33 frames a second are what there is.
        #expect(total.answered > 30 * 33 / 2)
    }

    @Test func `The report adds up, and says the same as text, JSON and page`() throws {
        let report = try live("examples/two-regions.yaml", "regional-outage", minutes: 12)
        let total = report.total
        #expect(total.underWay == 0)
        #expect(report.tasks.reduce(0) { $0 + $1.frames.sent } == total.sent)
        #expect(report.sites.reduce(0) { $0 + $1.frames.sent } == total.sent)
        #expect(report.series.reduce(0) { $0 + $1.sent } == total.sent)
        let json = try JSON(parsing: report.json.canonical, place: "the report")
        guard case .object(let members) = json, case .object(let sum) = members["total"] else {
            Issue.record("the report is no object with a total")
            return
        }
        #expect(sum["sent"] == .integer(total.sent) && sum["lost"] == .integer(total.lost))
        #expect(report.text.contains("\(total.sent)"))
        for site in report.sites where site.frames.sent > 0 {
            #expect(report.page.contains(">\(site.name)<"))
        }
    }

    @Test func `The page needs nothing from elsewhere`() throws {
        let page = try live("demo.yaml", "regional-outage", minutes: 11).page
        #expect(page.contains("<svg") && page.hasSuffix("</body></html>\n"))
        for word in ["<script", "http:", "https:", "src=", "@import", "url("] {
            #expect(!page.contains(word))
        }
    }
}
