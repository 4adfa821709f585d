import Ground
import Logging

/// Logs why a node upstream cannot be reached: each reason when it is new, and the end of it all.
/// What is tried again every few seconds would otherwise fill the log. Confined to its loop.
final class LinkLog {
    private let peer: String
    private let endpoint: Endpoint
    private let log: Logger
    private var reason: String?

    init(peer: String, at endpoint: Endpoint, log: Logger) {
        self.peer = peer
        self.endpoint = endpoint
        self.log = log
    }

    /// Hears why a connection failed, or `nil` when the peer speaks.
    func hear(_ fault: Fault?) {
        guard let fault else {
            if reason != nil { log.info("\(peer) is reached again at \(endpoint)") }
            reason = nil
            return
        }
        guard fault.message != reason else { return }
        reason = fault.message
        log.warning("\(peer) is not reached at \(endpoint): \(fault)")
    }
}
