import EventLoop
import Ground
import Logging

/// Reads a node's certificates again when their files change, off the loop: a folder may be on a
/// slow disk. Confined to the loop.
final class CertificateWatch {
    private let certificates: Certificates
    private let loop: Loop
    private let log: Logger
    private var isReading = false
    /// They changed while they were read: what was read may be older than the change.
    private var isStale = false

    init(_ certificates: Certificates, on loop: Loop, log: Logger) {
        self.certificates = certificates
        self.loop = loop
        self.log = log
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
        case .success: log.info("certificates were read again")
        case .failure(let fault): log.error("certificates were not changed: \(fault)")
        }
        guard isStale else { return }
        isStale = false
        changed()
    }
}
