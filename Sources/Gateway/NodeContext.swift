import Bundles
import Cryptography
import Ground
import HTTP
import Inference
import Logging
import Node
import Records
import Storage
import Synchronization
import Topology

/// What all loops of one node share. Everything in it may be used from any thread.
final class NodeContext: Sendable {
    let topology: Topology
    let blueprint: Blueprint
    let names: NodeNames
    let budget: ByteBudget
    /// Where frames are received when isolated engines read them; `nil` where there are none.
    let frames: FrameArena?
    let receipts: Receipts
    let sources: SourceNumbers
    let certificates: Certificates
    /// Bounds what nodes below send.
    let intake: OwedIntake
    /// What this node owes.
    let spool: SpoolPlace
    /// What was wrong with it.
    let incidents: IncidentBook
    /// What has arrived from the nodes below; `nil` where the topology keeps nothing.
    let records: RecordStore?
    let log: Logger
    /// Loops of the node, each with a shard of it.
    let loops: Int
    /// SHA-256 of the files that the topology was read from; `nil` when it was not.
    let digest: Digest?
    /// Where the node writes down what it hears and does; `nil` when it does not.
    let recording: Recording?

    init(
        _ topology: Topology, node: NodePlan, digest: Digest? = nil, recording: Recording? = nil,
        log: Logger
    ) throws(Fault) {
        self.topology = topology
        self.digest = digest
        self.recording = recording
        self.log = log
        blueprint = Blueprint(topology, node: node)
        names = NodeNames(name: node.name, tier: node.tier.rawValue)
        budget = ByteBudget(limit: node.budget.bytes)
        frames = try Self.frames(nil, for: blueprint)
        receipts = Receipts(random: { SecureRandom.word() })
        sources = SourceNumbers()
        intake = OwedIntake()
        spool = SpoolPlace()
        incidents = IncidentBook()
        loops = node.loops ?? max(1, Machine.cores / 4)
        certificates = try Certificates(topology.trust, of: node, upstream: blueprint.peers)
        records = try node.records.map { (plan) throws(Fault) in
            try RecordStore(folder: plan.folder, settings: RecordSettings(plan, of: node)) {
                log.critical("\($0)")
            }
        }
    }

    /// What `old` becomes with a new topology: tasks and peers keep their indexes, and what counts
    /// or keeps something stays the same. Reads certificates where the node did not dial by TLS
    /// before. Blocks.
    ///
    /// - Throws: when a certificate is missing, or more names have come and gone than are kept.
    init(
        succeeding old: NodeContext, _ reading: TopologySource.Reading, node: NodePlan
    ) throws(Fault) {
        topology = reading.topology
        digest = reading.digest
        recording = old.recording
        log = old.log
        blueprint = try Blueprint(topology, node: node).succeeding(old.blueprint)
        names = old.names
        budget = old.budget
        frames = try Self.frames(old.frames, for: blueprint)
        receipts = old.receipts
        sources = old.sources
        intake = old.intake
        spool = old.spool
        incidents = old.incidents
        loops = old.loops
        certificates = old.certificates
        try certificates.cover(blueprint.peers)
        records = old.records
        if let records, let plan = node.records {
            try records.adopt(RecordSettings(plan, of: node))
        }
    }

    /// The memory of frames that isolated engines read. Once there, it stays: frames lie in it.
    private static func frames(
        _ old: FrameArena?, for blueprint: Blueprint
    ) throws(Fault) -> FrameArena? {
        let isIsolating = blueprint.tasks.contains { $0.hasBundle && $0.tier?.engine == .isolated }
        guard old == nil, isIsolating else { return old }
        return try FrameArena(budget: blueprint.node.budget.bytes)
    }

    /// The bounds of a listener's connections.
    var serverLimits: HTTPLimits {
        let stated = blueprint.node.limits
        var limits = HTTPLimits()
        limits.message = stated.message
        limits.headers = stated.headers
        limits.streams = stated.streams
        limits.connections = max(1, stated.connections / loops)
        limits.idle = stated.idle
        limits.requestTime = stated.request
        limits.minimumRate = stated.minimumRate
        limits.headerTime = stated.headerTime
        limits.drainTime = stated.drain
        return limits
    }

    /// The bounds of the connections to a node upstream.
    var clientLimits: ClientLimits {
        let link = blueprint.node.link
        var limits = ClientLimits()
        limits.connections = max(1, link.connections / loops)
        limits.streams = link.streams
        limits.keepalive = link.keepalive
        limits.idle = link.idle
        limits.connectTimeout = link.connectTimeout
        limits.message = blueprint.node.limits.message
        return limits
    }
}

/// The TLS contexts of a node. They are read again when the files change, so that a renewed
/// certificate serves the next handshake without a restart.
final class Certificates: Sendable {
    private struct Contexts: Sendable {
        var certified: TLSContext?
        var anonymous: TLSContext?
        var client: TLSContext?
        /// Whether any node upstream is dialled by TLS.
        var dials = false
        /// Of the node's own certificate.
        var term: CertificateTerm?
    }

    private let trust: Trust
    private let node: NodePlan
    private let contexts: Mutex<Contexts>

    /// - Throws: the first file that is missing or not what it should be, when any listener or peer
    ///   speaks TLS.
    init(_ trust: Trust, of node: NodePlan, upstream: [Blueprint.Peer]) throws(Fault) {
        self.trust = trust
        self.node = node
        let dials = upstream.contains { $0.plan.dialledByTLS }
        contexts = Mutex(try Self.read(trust, node, dials))
    }

    /// Whether any file is needed at all.
    var isNeeded: Bool {
        contexts.withLock { $0.dials } || node.listeners.contains(where: \.tls)
    }

    /// The folder whose changes matter.
    var folder: String { trust.certificates }

    /// Until when the node's own certificate is valid; `nil` without one.
    var expiry: WallTime? {
        contexts.withLock { ($0.certified ?? $0.anonymous ?? $0.client)?.identity?.expiry }
    }

    /// From when until when the node's own certificate is valid; `nil` without one.
    var term: CertificateTerm? { contexts.withLock { $0.term } }

    /// Reads all files again; the old contexts stay when one of them is wrong.
    func reload() throws(Fault) {
        let fresh = try Self.read(trust, node, contexts.withLock { $0.dials })
        contexts.withLock { $0 = fresh }
    }

    /// Reads what dialling these nodes takes, where it has not been read yet.
    func cover(_ upstream: [Blueprint.Peer]) throws(Fault) {
        guard !contexts.withLock({ $0.dials }), upstream.contains(where: { $0.plan.dialledByTLS })
        else { return }
        let fresh = try Self.read(trust, node, true)
        contexts.withLock { $0 = fresh }
    }

    /// For a listener: clients show a certificate, or need not.
    func server(asksForCertificate: Bool) throws(Fault) -> TLSContext {
        let found = contexts.withLock { asksForCertificate ? $0.certified : $0.anonymous }
        guard let found else { throw Fault(.inner, "the listener has no TLS context") }
        return found
    }

    /// For connections to nodes upstream.
    func client() throws(Fault) -> TLSContext {
        guard let found = contexts.withLock({ $0.client }) else {
            throw Fault(.inner, "the node has no TLS context for nodes upstream")
        }
        return found
    }

    private static func read(
        _ trust: Trust, _ node: NodePlan, _ dials: Bool
    ) throws(Fault) -> Contexts {
        var contexts = Contexts(dials: dials)
        let secure = node.listeners.filter(\.tls)
        guard dials || !secure.isEmpty else { return contexts }
        let disk = FileDisk()
        let authority = TLSSettings.Trust.authorities(
            try disk.read(trust.authority, limit: 1 << 20))
        let own = try CredentialFiles(folder: trust.certificates, name: node.name).load(from: disk)
        if secure.contains(where: { $0.clients == .certificate }) {
            contexts.certified = try TLSContext(.server(own, clients: .required, trust: authority))
        }
        if secure.contains(where: { $0.clients != .certificate }) {
            contexts.anonymous = try TLSContext(.server(own, clients: .none, trust: authority))
        }
        if dials { contexts.client = try TLSContext(.client(own, trust: authority)) }
        contexts.term = try CertificateFacts.read(own.certificateChain).first.map {
            CertificateTerm(from: $0.notBefore, until: $0.notAfter)
        }
        return contexts
    }
}

/// A listener as the topology has it; `Listener` alone is also the event loop's.
typealias ListenerPlan = Listener
