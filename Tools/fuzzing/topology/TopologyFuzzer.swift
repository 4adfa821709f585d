import FuzzSupport
import Ground
import Topology

/// Any bytes as a topology's files, one after the other with a byte 0x1E between them.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ base: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let files = Input(base, count).array.split(separator: 0x1E, omittingEmptySubsequences: false)
    let sources = files.prefix(4).enumerated().map { index, bytes in
        (name: "fleet/\(index).yaml", bytes: Array(bytes))
    }
    do throws(TopologyFaults) {
        check(try Topology(validating: TopologyFile(sources)))
    } catch {
        demand(!error.faults.isEmpty, "a refusal says why")
        let text = error.fault.description.unicodeScalars
        demand(
            text.allSatisfy { $0 == "\n" || $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) },
            "a fault's text brings no control character to a terminal")
    }
    return 0
}

/// A valid topology answers every question about itself.
private func check(_ topology: Topology) {
    for node in topology.nodes {
        demand(topology.node(named: node.name)?.name == node.name, "a node is found by its name")
        demand(
            topology.upstreams(of: node).count == node.upstream.count, "each upstream is a node")
        for task in topology.tasks { _ = topology.upstreams(of: node, for: task) }
        _ = topology.identity(kind: .node, named: node.name)
        _ = topology.place(of: "nodes", node.name, "upstream")
    }
    for task in topology.tasks {
        demand(topology.task(named: task.name)?.name == task.name, "a task is found by its name")
    }
}
