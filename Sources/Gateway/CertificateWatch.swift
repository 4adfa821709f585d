import EventLoop
import Ground
import Logging
import Node

/// Reads a node's certificates again when their files change, off the loop: a folder may be on a
/// slow disk. Tells operators of one that ends soon. Confined to the loop.
final class CertificateWatch {
    /// How often the end is looked for: it is told weeks before.
    private static let lookEvery = Interval.seconds(3_600)

    private let certificates: Certificates
    /// For how long the site is to get by alone.
    private let alone: Interval
    private let alerts: AlertLink
    private let loop: Loop
    private let log: Logger
    private var isReading = false
    /// They changed while they were read: what was read may be older than the change.
    private var isStale = false
    private var isEnding = false
    private var timer: (any ScheduledTimer)?

    init(
        _ certificates: Certificates, alone: Interval, on loop: Loop, _ alerts: AlertLink,
        log: Logger
    ) {
        self.certificates = certificates
        self.alone = alone
        self.alerts = alerts
        self.loop = loop
        self.log = log
    }

    /// Looks whether the certificate ends soon, and again every hour.
    func look() {
        timer?.cancel()
        timer = loop.schedule(after: Self.lookEvery) { [weak self] in self?.look() }
        guard let term = certificates.term else { return }
        let now = loop.time.wall
        let ends = term.isEnding(now: now, alone: alone)
        alerts.set("certificate-ending", "", ends)
        guard ends != isEnding else { return }
        isEnding = ends
        let hours = max((term.until - now).nanoseconds, 0) / 3_600_000_000_000
        if ends {
            log.warning(
                "the node's certificate ends in \(hours) h: renew it with `canopy cert renew`")
        } else {
            log.info("the node's certificate ends in \(hours / 24) days")
        }
    }

    /// Something in the folder changed.
    func changed() {
        guard !isReading else {
            isStale = true
            return
        }
        isReading = true
        let certificates = certificates
        do throws(Fault) {
            try loop.offLoop {
                Result { () throws(Fault) in try certificates.reload() }
            } completion: { [self] result in
                finished(result)
            }
        } catch {
            finished(.failure(error))
        }
    }

    private func finished(_ result: Result<Void, Fault>) {
        isReading = false
        switch result {
        case .success:
            log.info("certificates were read again")
            look()
        case .failure(let fault): log.error("certificates were not changed: \(fault)")
        }
        guard isStale else { return }
        isStale = false
        changed()
    }
}
