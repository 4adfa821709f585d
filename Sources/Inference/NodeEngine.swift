public import Ground
internal import Synchronization

/// The engine of a node: both homes behind one port, and one count of the memory that models need.
///
/// A home is opened with the first model that lives in it, so that a node whose models are all
/// isolated has no runtime in its process.
public final class NodeEngine: Engine {
    private struct Homes {
        var inProcess: OpenVINOEngine?
        var isolated: IsolatedHome?
        var models: [WeakModel] = []
    }

    private struct WeakModel { weak var model: IsolatedModel? }

    private let settings: EngineSettings
    private let time: any TimeSource
    private let admission: Admission
    private let homes = Mutex(Homes())

    public init(_ settings: EngineSettings, time: any TimeSource) {
        self.settings = settings
        self.time = time
        admission = Admission(settings)
    }

    public var memoryInUse: Int { admission.memoryInUse }

    /// Says what isolated models need, before the first of them.
    public func isolate(_ home: IsolatedHome) { homes.withLock { $0.isolated = home } }

    /// Loads a model in the node's process.
    public func load(_ source: ModelSource, place: String) throws(Fault) -> any LoadedModel {
        try load(source, in: .inProcess, place: place)
    }

    /// Loads a model where it is to run; see `Engine.load`. Not from two threads at a time.
    public func load(
        _ source: ModelSource, in home: EngineHome, place: String
    ) throws(Fault) -> any LoadedModel {
        guard home == .isolated else { return try openRuntime().load(source, place: place) }
        guard let isolated = homes.withLock({ $0.isolated }) else {
            throw Fault(.unavailable, "\(place): no isolated engine can be started on this node")
        }
        let hardware = try admission.admit(source, place: place)
        do throws(Fault) {
            let model = try IsolatedModel(
                source, on: hardware, settings: settings, home: isolated, time: time
            ) { [admission] in admission.release(source) }
            homes.withLock { homes in
                homes.models.removeAll { $0.model == nil }
                homes.models.append(WeakModel(model: model))
            }
            return model
        } catch {
            admission.release(source)
            var fault = error
            fault.message = "\(place): \(error.message)"
            throw fault
        }
    }

    public func shutdown() {
        let (runtime, models) = homes.withLock { ($0.inProcess, $0.models) }
        for model in models { model.model?.close() }
        runtime?.shutdown()
    }

    private func openRuntime() throws(Fault) -> OpenVINOEngine {
        if let open = homes.withLock({ $0.inProcess }) { return open }
        let made = try OpenVINOEngine(settings, admission: admission, time: time)
        homes.withLock { $0.inProcess = made }
        return made
    }
}
