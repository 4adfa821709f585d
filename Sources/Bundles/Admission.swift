public import Ground

extension BundleManifest {
    /// Faults when the bundle cannot run where it is wanted.
    ///
    /// - Parameters:
    ///   - hardware: the class that the node has, such as `cpu`.
    ///   - budget: bytes that the node has left for models.
    ///   - place: who wants it there, such as the topology's file and line.
    public func admit(
        on hardware: String, memory budget: Int, place: String
    ) throws(Fault) {
        guard self.hardware.contains(hardware) else {
            throw Fault(
                .precondition,
                "\(place): \(name) \(version) is built for "
                    + "\(self.hardware.joined(separator: ", ")), the node has \(hardware)",
                remedy: "choose a bundle that is built for \(hardware)")
        }
        guard memory <= budget else {
            throw Fault(
                .precondition,
                "\(place): \(name) \(version) needs \(memory) bytes of memory, the node has "
                    + "\(budget) left for models",
                remedy: "raise the node's memory budget or choose a smaller bundle")
        }
    }
}
