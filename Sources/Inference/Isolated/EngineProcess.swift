public import Ground

/// Starts the processes that isolated engines run in: `canopy engine` of the same executable.
public protocol EngineLauncher: AnyObject, Sendable {
    /// Starts one, with `descriptors` as its 3, 4, …; they stay the caller's. Blocks for a moment:
    /// never called on a loop.
    ///
    /// - Parameters:
    ///   - label: what it is called in the log.
    ///   - exited: called once, on any thread, with how it ended.
    func launch(
        _ label: String, descriptors: [Int32], exited: @escaping @Sendable (String) -> Void
    ) throws(Fault) -> any EngineProcess
}

/// A process that an isolated engine runs in.
public protocol EngineProcess: AnyObject, Sendable {
    /// Ends it by force, also when it is stopped. Nothing happens when it is gone.
    func kill()
}
