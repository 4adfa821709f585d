/// What isolated engines need of their node.
public struct IsolatedHome: Sendable {
    /// Where frames lie. `EngineSettings.allocator` should give memory of it.
    public var frames: FrameArena
    public var launcher: any EngineLauncher

    public init(frames: FrameArena, launcher: any EngineLauncher) {
        self.frames = frames
        self.launcher = launcher
    }
}
