import Foundation
import Testing

@testable import Topology

@Suite struct SampleTests {
    @Test(arguments: ["demo.yaml"] + (try! names(in: "examples")).map { "examples/\($0)" })
    func `Every topology that ships is valid`(_ name: String) throws {
        let file = TopologyFile([(name, try bytes(name))])
        #expect(throws: Never.self) { try Topology(validating: file) }
    }

    /// With `CANOPY_UPDATE_EXPECTED=1` the expectations are written anew, and the test fails so
    /// that nobody leaves it on.
    @Test(arguments: try! names(in: "invalid"))
    func `Every invalid topology gets exactly its messages`(_ name: String) throws {
        let place = samples.appending(path: "invalid/\(name)").deletingPathExtension()
            .appendingPathExtension("expected")
        let file = TopologyFile([(name, try bytes("invalid/\(name)"))])
        var found = ""
        do throws(TopologyFaults) {
            _ = try Topology(validating: file)
        } catch {
            found = error.description + "\n"
        }
        if ProcessInfo.processInfo.environment["CANOPY_UPDATE_EXPECTED"] == "1" {
            try found.write(to: place, atomically: true, encoding: .utf8)
            Issue.record("wrote \(place.lastPathComponent)")
        }
        #expect(try String(contentsOf: place, encoding: .utf8) == found)
        #expect(!found.isEmpty)
    }

    @Test func `There are at least forty invalid topologies`() throws {
        #expect(try names(in: "invalid").count >= 40)
    }
}
