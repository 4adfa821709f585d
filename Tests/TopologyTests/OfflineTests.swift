import Foundation
import Testing

@testable import Topology

/// What is said of sites that are cut off, for every topology that ships.
@Suite struct OfflineTests {
    /// With `CANOPY_UPDATE_EXPECTED=1` the expectations are written anew, and the test fails.
    @Test(arguments: ["demo.yaml"] + (try! names(in: "examples")).map { "examples/\($0)" })
    func `Every sample's sites are explained in at most 120 words`(_ name: String) throws {
        let topology = try Topology(validating: TopologyFile([(name, try bytes(name))]))
        var found = ""
        // Of ten thousand like sites, the first says it.
        for site in topology.sites.prefix(4) {
            let words = try #require(topology.offlineWords(site: site.name))
            #expect(words.split(separator: " ").count <= 120)
            found += words + "\n"
        }
        let file = name.replacing("/", with: "-").replacing(".yaml", with: ".txt")
        let place = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Offline/\(file)")
        if ProcessInfo.processInfo.environment["CANOPY_UPDATE_EXPECTED"] == "1" {
            try found.write(to: place, atomically: true, encoding: .utf8)
            Issue.record("wrote \(file)")
        }
        #expect(try String(contentsOf: place, encoding: .utf8) == found)
    }

    @Test func `A site that is not there is not explained`() throws {
        let demo = TopologyFile([("demo.yaml", try bytes("demo.yaml"))])
        let topology = try Topology(validating: demo)
        #expect(topology.offlineWords(site: "nowhere") == nil)
    }
}
