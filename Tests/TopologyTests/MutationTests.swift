import Foundation
import Ground
import Testing

@testable import Topology

@Suite struct MutationTests {
    /// 4 × 500 mutants: about two seconds without optimization.
    @Test(arguments: 0..<4)
    func `A damaged file gives a topology or faults with a place, never a crash`(
        _ seed: UInt64
    ) throws {
        var random = Randomness(seed: seed)
        let original = try bytes("demo.yaml")
        let lines = original.split(separator: 10, omittingEmptySubsequences: false).count
        for _ in 0..<500 {
            let mutant = mutate(original, &random)
            do throws(TopologyFaults) {
                _ = try Topology(validating: TopologyFile([("demo.yaml", mutant)]))
            } catch {
                let first = try #require(error.faults.first)
                #expect(first.place.file == "demo.yaml")
                #expect((1...2 * lines + 8).contains(first.place.line), "\(first)")
                #expect(error.faults.allSatisfy { !$0.problem.isEmpty && !$0.remedy.isEmpty })
            }
        }
    }

    /// One to eight changes: bytes replaced, removed, inserted from what YAML is made of; lines
    /// doubled or moved; the end cut off.
    private func mutate(_ bytes: [UInt8], _ random: inout Randomness) -> [UInt8] {
        var bytes = bytes
        let salt = Array("{}[],:-?&*!|>'\"%@`#~ \n\t\r\0\u{85}\u{FEFF}<=0aé\\".utf8)
        for _ in 0..<Int.random(in: 1...8, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: bytes.indices, using: &random)
            let end = min(bytes.count, at + Int.random(in: 1...40, using: &random))
            switch random.next() % 7 {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[at] = salt.randomElement(using: &random)!
            case 2: bytes.insert(salt.randomElement(using: &random)!, at: at)
            case 3: bytes.removeSubrange(at..<end)
            case 4: bytes.insert(contentsOf: bytes[at..<end], at: at)
            case 5:
                let line = bytes.split(separator: 10).randomElement(using: &random) ?? []
                let start = bytes[at...].firstIndex(of: 10) ?? bytes.endIndex - 1
                bytes.insert(contentsOf: line + [10], at: start + 1)
            default: if random.next() % 4 == 0 { bytes.removeSubrange(at...) }
            }
        }
        return bytes
    }
}
