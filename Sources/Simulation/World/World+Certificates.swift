import Ground
import Node
import Topology

/// A node's certificate in a world.
struct SimulatedCertificate {
    var term: CertificateTerm
    /// When somebody renews it, in the world's time.
    var renewal: UInt64?
    /// For how long its site is to get by alone.
    let alone: Interval
    /// Whether an operator was told that it ends.
    var isWarned = false
    var warnedAt: UInt64?
}

extension World {
    /// How long a renewed certificate is valid.
    private static let validity = Interval.seconds(90 * 86_400)

    mutating func giveCertificate(_ host: Int, _ plan: DiskPlan.Certificate) {
        guard hosts[host].certificate == nil else { return }
        let start = hosts[host].clock.wall(0)
        let site = topology.nodes[host].site.flatMap(topology.site(named:))
        hosts[host].certificate = SimulatedCertificate(
            term: CertificateTerm(
                from: WallTime(nanoseconds: start.nanoseconds - plan.age.nanoseconds),
                until: WallTime(nanoseconds: start.nanoseconds + plan.left.nanoseconds)),
            renewal: UInt64(plan.renewal.nanoseconds),
            alone: .seconds(Int64(site?.offlineHours ?? 0) * 3_600))
    }

    /// What a node does about its certificate now and then: it reads a renewed one, and tells an
    /// operator of one that ends.
    mutating func watchCertificate(_ host: Int, _ desk: OwingDesk) {
        guard var certificate = hosts[host].certificate else { return }
        let wall = hosts[host].clock.wall(now)
        if let renewal = certificate.renewal, now >= renewal {
            certificate.term = CertificateTerm(
                from: wall,
                until: WallTime(nanoseconds: wall.nanoseconds + Self.validity.nanoseconds))
            certificate.renewal = nil
        }
        let isEnding = certificate.term.isEnding(now: wall, alone: certificate.alone)
        if isEnding != certificate.isWarned, settings.planted.owing != .silentCertificate {
            certificate.isWarned = isEnding
            if isEnding { certificate.warnedAt = now }
            append(desk, host, .alert, now, load: 0, OwedItem.bytes(of: .alert))
        }
        hosts[host].certificate = certificate
        let left = certificate.term.until.nanoseconds - wall.nanoseconds
        guard left <= certificate.alone.nanoseconds, !certificate.isWarned else { return }
        fail(
            .expiryIsSaid, hosts[host].shards.lowerBound,
            "the certificate ends within the time that its site is to get by alone, and no"
                + " operator was told")
    }

    /// Whether nodes above refuse a node for its certificate. Connections from before its end would
    /// last until their link is cut; here they do not.
    @inline(__always)
    func isExpired(_ host: Int) -> Bool {
        guard let certificate = hosts[host].certificate, let desk = hosts[host].desk else {
            return false
        }
        let hub = hosts[host].peers[desk.peer].host
        return hosts[hub].clock.wall(now) >= certificate.term.until
    }
}
