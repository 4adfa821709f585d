public import Ground
public import HTTP

/// Posts alerts as JSON to somebody's HTTP server: `{"schema":"canopy.alerts/1","alerts":[…]}`,
/// each as `Alert.json`, oldest first.
///
/// One request is on the way at a time, with all that came meanwhile, so order is kept and a slow
/// receiver is asked less often, not more. The connection stays open between requests. 2xx means
/// delivered. 408, 429, 5xx, silence and broken connections mean later; any other answer means
/// never.
public final class Webhook: AlertSink {
    /// What the body calls its own form.
    public static let schema = "canopy.alerts/1"
    /// How long the receiver may take, from connecting on: many are functions that start cold.
    static let patience = Interval.seconds(10)
    /// Largest answer that is read: its words are of no use here.
    static let answerLimit = 64 << 10
    /// The longest wait that a receiver may ask for: a typing error must not silence a node.
    static let longestWait = Interval.seconds(300)

    /// Gives a secret, read anew, on the loop.
    public typealias ReadSecret = (@escaping (Result<String, Fault>) -> Void) -> Void

    public let window = 32
    public let inBatches = true
    private let endpoint: Endpoint
    private let path: String
    private let connection: KeptConnection
    private let readToken: ReadSecret?
    private var token: String?
    private var hear: ((SinkEvent) -> Void)?

    /// - Parameters:
    ///   - secure: the TLS session for one more connection; `nil` speaks plain text.
    ///   - readToken: gives the bearer token; asked at first and whenever it is refused.
    public init(
        _ endpoint: Endpoint, path: String, on network: any Network,
        secure: @escaping () throws(Fault) -> (any SecureSession)?, readToken: ReadSecret? = nil
    ) {
        self.endpoint = endpoint
        self.path = path
        connection = KeptConnection(to: endpoint, on: network, secure: secure)
        self.readToken = readToken
    }

    public func open(_ hear: @escaping (SinkEvent) -> Void) {
        self.hear = hear
        hear(.opened)
    }

    public func close() {
        hear = nil
        connection.close()
    }

    public func send(_ letters: [Outbox.Letter]) {
        guard let readToken, token == nil else { return post(letters) }
        readToken { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let text):
                token = text
                post(letters)
            case .failure(let fault): hear?(.failed(fault, after: nil))
            }
        }
    }

    private func post(_ letters: [Outbox.Letter]) {
        var headers = [("content-type", "application/json")]
        if let token { headers.append(("authorization", "Bearer \(token)")) }
        var request = OneRequest(path: path, headers: headers, body: [Self.body(letters)])
        request.timeout = Self.patience
        request.answerLimit = Self.answerLimit
        do throws(Fault) {
            try connection.send(request) { [weak self] in self?.answered(letters, $0) }
        } catch {
            hear?(.failed(error, after: nil))
        }
    }

    static func body(_ letters: [Outbox.Letter]) -> Bytes {
        let alerts = letters.map { $0.alert.json(lost: $0.lost) }
        return Bytes(
            JSON.object(["schema": .string(schema), "alerts": .array(alerts)]).canonical)
    }

    private func answered(_ letters: [Outbox.Letter], _ result: Result<HTTPAnswer, Fault>) {
        switch result {
        case .failure(let fault): hear?(.failed(fault, after: nil))
        case .success(let answer):
            let fault = Fault(
                .unavailable, "\(endpoint)\(path) answered \(answer.status)", source: .peer)
            switch answer.status {
            case 200..<300:
                for letter in letters { hear?(.delivered(letter.number)) }
            case 408, 429, 500...:
                hear?(.failed(fault, after: Self.wait(answer)))
            case 401, 403: refused(letters, fault)
            default: giveUp(letters, fault)
            }
        }
    }

    /// The token may have been replaced: then the new one is tried.
    private func refused(_ letters: [Outbox.Letter], _ fault: Fault) {
        guard let readToken else { return giveUp(letters, fault) }
        readToken { [weak self] result in
            guard let self else { return }
            let fresh = try? result.get()
            if fresh == token { return giveUp(letters, fault) }
            token = fresh
            hear?(.failed(fault, after: nil))
        }
    }

    private func giveUp(_ letters: [Outbox.Letter], _ fault: Fault) {
        // The outbox sends a batch again letter by letter; one word about it is enough.
        if let first = letters.first { hear?(.refused(first.number, fault)) }
    }

    /// `Retry-After` in seconds; dates are not read.
    private static func wait(_ answer: HTTPAnswer) -> Interval? {
        guard let text = answer.headers.first(where: { $0.name == "retry-after" })?.value,
            let seconds = Int64(text), seconds >= 0
        else { return nil }
        return min(.seconds(seconds), longestWait)
    }
}
