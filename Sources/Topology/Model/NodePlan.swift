public import Ground

/// One node: where it is, what it answers on, whom it asks and what it may use.
public struct NodePlan: Sendable {
    public let name: String
    public let site: String?
    public let tier: Tier
    /// Whether it is a Canopy or a foreign server. Default `canopy`.
    public let speaks: Dialect
    /// Where it answers, in the file's order; empty for a foreign server.
    public let listeners: [Listener]
    /// Where others dial it. Default: its first listener for inference that is no wildcard, among
    /// those that ask for certificates when there are such. `nil` when that cannot be known; then
    /// nobody dials it.
    public let address: Endpoint?
    /// Whether those who dial `address` speak TLS. It follows from the listener; for a foreign
    /// server the file says it, and the default is yes.
    public let dialledByTLS: Bool
    /// Whom it asks, in the file's order. Default: all nodes of the next tier that has any.
    public internal(set) var upstream: [String]
    /// Whether the file names them.
    public let statesUpstream: Bool
    /// Where models run. Default `cpu`, which every machine has.
    public let hardware: Hardware
    /// Loop threads; `nil` (default) is a quarter of the cores, at least one.
    public let loops: Int?
    /// Inference workers; `nil` (default) leaves it to the engine.
    public let workers: Int?
    /// The group in which it gets new releases; `nil` is the last.
    public let ring: String?
    public let budget: Budget
    public let limits: Limits
    /// How it holds its connections upstream.
    public let link: LinkPlan
    /// The numbers by which it finds its way.
    public let routing: RoutingPlan
    /// How it keeps what it owes, where its budget has room for that.
    public let spool: SpoolPlan
    /// How it keeps what arrives; `nil` (default) keeps nothing, and takes nothing that is owed.
    public let records: RecordsPlan?
    public let place: Place

    /// What the file says of all nodes.
    struct Common {
        let limits: Limits
        let link: LinkPlan
        let routing: RoutingPlan
        let spool: SpoolPlan
    }

    /// What a node understands.
    public enum Dialect: String, CaseIterable, Sendable {
        /// Another Canopy: the Open Inference Protocol with `canopy.v1` beside it.
        case canopy
        /// Triton, KServe or OpenVINO Model Server: the Open Inference Protocol alone.
        case openInference = "open-inference"
    }

    /// Where models run.
    public enum Hardware: String, CaseIterable, Sendable {
        case cpu
        case intelGPU = "intel-gpu"
        case intelNPU = "intel-npu"
    }

    /// `nil` when its tier cannot be known; that is reported.
    init?(_ name: String, _ place: Place, _ fields: Fields, _ common: Common) {
        self.name = name
        self.place = place
        site = fields.value("site", .name)
        let tier = fields.required("tier", Shape<Tier>.word)
        speaks = fields.value("protocol", .word, or: .canopy)
        let isForeign = speaks == .openInference
        if isForeign {
            fields.refuse(Self.ownKeys, "a foreign server is not run by this file")
        } else {
            fields.refuse(["tls"], "each listener of a Canopy node says it (`listen`)")
        }
        let listeners = isForeign ? [] : fields.required("listen", .list(of: .listener)) ?? []
        self.listeners = listeners.map(\.value)
        let stated =
            isForeign ? fields.required("address", .address) : fields.value("address", .address)
        address = stated ?? Self.dialled(self.listeners)
        let tls = isForeign ? fields.value("tls", .flag) : nil
        dialledByTLS = tls ?? Self.tls(self.listeners, at: address)
        statesUpstream = fields.has("upstream")
        upstream = fields.value("upstream", .list(of: .name))?.map(\.value) ?? []
        hardware = fields.value("hardware", .word, or: .cpu)
        // More threads than any machine has cores is a slip of the keyboard.
        loops = fields.value("loops", .count(1...256))
        workers = fields.value("workers", .count(1...1024))
        ring = fields.value("ring", .name)
        budget = Budget(fields.fields("budget"))
        limits = Limits(fields.fields("limits"), over: common.limits)
        link = LinkPlan(fields.fields("link"), over: common.link)
        routing = RoutingPlan(fields.fields("routing"), over: common.routing)
        spool = SpoolPlan(fields.fields("spool"), over: common.spool)
        records = RecordsPlan(fields.fields("records"), tier: tier)
        fields.finish()
        guard let tier else { return nil }
        self.tier = tier
    }

    /// What only a Canopy node has.
    private static let ownKeys = [
        "listen", "upstream", "hardware", "loops", "workers", "ring", "budget", "limits",
        "routing", "spool", "records",
    ]

    private static func dialled(_ listeners: [Listener]) -> Endpoint? {
        let able = listeners.filter { $0.serves.contains(.inference) }
        let strict = able.filter { $0.clients == .certificate }
        return (strict.isEmpty ? able : strict).map(\.endpoint)
            .first { !$0.isWildcard && $0.port != 0 }
    }

    private static func tls(_ listeners: [Listener], at address: Endpoint?) -> Bool {
        let able = listeners.filter { $0.serves.contains(.inference) }
        let same = able.first { $0.endpoint == address }
        let forwarded = able.first { $0.endpoint.port == address?.port }
        let strict = able.first { $0.clients == .certificate }
        return (same ?? forwarded ?? strict ?? able.first)?.tls ?? true
    }
}

/// What a node may use of its machine.
public struct Budget: Hashable, Sendable {
    /// Bytes that all loaded models may take. Default 1 GiB: several quantized models beside a
    /// camera gateway's own needs on a machine of 4 GiB.
    public let memory: Int
    /// Bytes of frames in flight, of all connections. Default 256 MiB: ten raw 4K frames or two
    /// thousand JPEGs; what exceeds it is refused, never buffered.
    public let bytes: Int
    /// Bytes on disk for what is owed upstream; `nil` (default) keeps nothing.
    public let spool: Int?

    init(_ fields: Fields) {
        memory = fields.value("memory", .bytes(1 << 20...1 << 46), or: 1 << 30)
        bytes = fields.value("bytes", .bytes(1 << 20...1 << 40), or: 256 << 20)
        spool = fields.value("spool", .bytes(1 << 20...1 << 50))
        fields.finish()
    }
}
