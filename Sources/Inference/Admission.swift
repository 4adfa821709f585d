internal import Ground
internal import Synchronization

/// What a node can hold: decides before a model's payload is read whether it may be loaded.
final class Admission: Sendable {
    private let budget: Int
    private let hardware: [String]
    private let used = Mutex(0)

    init(memoryBudget: Int, hardware: [String]) {
        budget = memoryBudget
        self.hardware = hardware
    }

    convenience init(_ settings: EngineSettings) {
        self.init(memoryBudget: settings.memoryBudget, hardware: settings.hardware)
    }

    var memoryInUse: Int { used.withLock { $0 } }

    /// Reserves the model's memory.
    ///
    /// - Returns: the hardware class to run on: the first of the bundle's that the node has.
    /// - Throws: `.unsupported` or `.exhausted`, with the two sides and the place.
    func admit(_ source: ModelSource, place: String) throws(Fault) -> String {
        guard let device = source.hardware.first(where: { hardware.contains($0) }) else {
            throw Fault(
                .unsupported,
                "\(place): \(source.id.short) is built for "
                    + "\(source.hardware.joined(separator: ", ")); "
                    + "this node has \(hardware.joined(separator: ", "))",
                remedy: "name a bundle for this hardware, or place the task on another node")
        }
        let before = used.withLock { used -> Int? in
            guard source.memory <= budget - used else { return used }
            used += source.memory
            return nil
        }
        guard let before else { return device }
        throw Fault(
            .exhausted,
            "\(place): \(source.id.short) needs \(source.memory) bytes of memory; "
                + "the node's budget is \(budget), of which \(before) are in use",
            remedy: "raise the node's memory budget, or place a smaller model here")
    }

    /// Gives a model's memory back.
    func release(_ source: ModelSource) { used.withLock { $0 -= source.memory } }
}
