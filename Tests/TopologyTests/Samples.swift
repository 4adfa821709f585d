import Foundation
import Testing

@testable import Topology

/// The folder of topologies at the top of the project.
let samples = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Topology")

/// Bytes of a file below it.
func bytes(_ name: String) throws -> [UInt8] {
    try Array(Data(contentsOf: samples.appending(path: name)))
}

/// Names of the YAML files in a folder below it, sorted.
func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: samples.appending(path: folder).path())
        .filter { $0.hasSuffix(".yaml") }.sorted()
}

/// A small topology that is right, with `extra` below it.
func topology(_ text: String) throws(TopologyFaults) -> Topology {
    try Topology(validating: TopologyFile(text: text, name: "test.yaml"))
}

/// What is wrong with `text`, one line a fault; empty when nothing is.
func faults(_ text: String) -> [String] {
    do throws(TopologyFaults) {
        _ = try topology(text)
        return []
    } catch {
        return error.faults.map(\.description)
    }
}
