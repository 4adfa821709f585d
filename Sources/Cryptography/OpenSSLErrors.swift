import COpenSSL
import Ground

/// What OpenSSL left in this thread's error queue, oldest first.
struct OpenSSLErrors {
    struct Entry {
        /// The reason within its library: `SSL_R_…`, `PEM_R_…`.
        var reason: Int32
        var isTLS: Bool
        var text: String
    }

    /// Entries kept; one failure leaves a handful.
    private static let limit = 16

    var entries: [Entry] = []

    /// Takes all entries out of the queue.
    static func drain() -> OpenSSLErrors {
        var errors = OpenSSLErrors()
        while true {
            let code = ERR_get_error()
            if code == 0 { return errors }
            guard errors.entries.count < limit else { continue }
            let text = ERR_reason_error_string(code).map { String(cString: $0) }
            errors.entries.append(
                Entry(
                    reason: ERR_GET_REASON(code), isTLS: ERR_GET_LIB(code) == ERR_LIB_SSL,
                    text: text ?? "OpenSSL error \(code)"))
        }
    }

    /// True when the TLS library gave `reason`.
    func hasTLS(_ reason: Int32) -> Bool {
        entries.contains { $0.isTLS && $0.reason == reason }
    }

    /// The number of the alert that the peer sent, or `nil`.
    var alert: Int32? {
        entries.lazy.filter { $0.isTLS && $0.reason >= SSL_AD_REASON_OFFSET }
            .map { $0.reason - SSL_AD_REASON_OFFSET }.first
    }

    /// All reasons, joined.
    var text: String {
        entries.isEmpty ? "no reason given" : entries.map(\.text).joined(separator: ", ")
    }

    /// A fault about `message` with OpenSSL's own reasons behind it.
    func fault(
        _ code: Fault.Code, _ message: String, source: Fault.Source = .local, remedy: String? = nil
    ) -> Fault {
        Fault(code, "\(message): \(text)", source: source, remedy: remedy)
    }
}
