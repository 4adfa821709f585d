import Ground

/// One place where alerts are sent.
public struct AlertSinkPlan: Sendable {
    public let name: String
    public let kind: Kind
    /// Alerts that may wait for it in memory, 64 to 65,536; then the oldest is dropped, or, where
    /// the node has a spool, the newest waits on disk. Default 1,024: more than half a minute of
    /// every frame of a camera at 30 a second, in a megabyte.
    public let queue: Int
    public let place: Place

    public enum Kind: Hashable, Sendable {
        case webhook(Webhook)
        case mqtt(Broker)
    }

    /// An HTTP server that is sent alerts as JSON.
    public struct Webhook: Hashable, Sendable {
        public let url: ServiceURL
        /// What goes into `Authorization: Bearer …`; `nil` sends none.
        public let token: SecretPlace?
        /// PEM file of the authorities that are believed; `nil` (default) is the machine's own.
        public let authority: String?
    }

    /// An MQTT broker that alerts are published to, with quality of service 1.
    public struct Broker: Hashable, Sendable {
        public let url: ServiceURL
        /// What all topics begin with. Default `canopy/alerts`.
        public let topic: String
        public let user: String?
        public let password: SecretPlace?
        /// PEM file of the authorities that are believed; `nil` (default) is the machine's own.
        public let authority: String?
    }

    /// Whether `other` is the same sink, wherever the files say it.
    public func isSame(as other: AlertSinkPlan) -> Bool {
        name == other.name && kind == other.kind && queue == other.queue
    }

    /// `nil` when it cannot be known where it is; that is reported.
    init?(_ name: String, _ place: Place, _ fields: Fields) {
        self.name = name
        self.place = place
        let kinds = ["webhook", "mqtt"].filter(fields.has)
        let webhook = fields.value("webhook", .url(of: .webhook))
        let broker = fields.value("mqtt", .url(of: .mqtt))
        let token = fields.value("token", .secret)
        let topic = fields.value("topic", .topic, or: "canopy/alerts")
        let user = fields.value("user", .text("the name that the broker knows"))
        let password = fields.value("password", .secret)
        let authority = fields.value("ca", .path("a PEM file of authorities"))
        let mayBePlain = fields.value("plain", .flag, or: false)
        queue = fields.value("queue", .count(64...65_536), or: 1_024)
        fields.finish()
        if let webhook {
            fields.refuseWith("webhook", ["topic", "user", "password"])
            kind = .webhook(Webhook(url: webhook, token: token, authority: authority))
        } else if let broker {
            fields.refuseWith("mqtt", ["token"])
            kind = .mqtt(
                Broker(
                    url: broker, topic: topic, user: user, password: password,
                    authority: authority))
        } else {
            if kinds.isEmpty && fields.isReadable {
                fields.report.add(
                    place, "\(fields.subject) names no place to send alerts to",
                    "give `webhook: https://host/path` or `mqtt: mqtts://host`")
            }
            return nil
        }
        check(fields, kinds, url: webhook ?? broker, mayBePlain: mayBePlain)
    }

    private func check(_ fields: Fields, _ kinds: [String], url: ServiceURL?, mayBePlain: Bool) {
        if kinds.count > 1 {
            fields.report.add(
                fields.place(of: "mqtt"), "\(fields.subject) is a webhook and a broker at once",
                "make two sinks of it")
        }
        if fields.has("password") && !fields.has("user") {
            fields.report.add(
                fields.place(of: "password"), "\(fields.subject) has a password and no `user`",
                "give the user whose password it is")
        }
        guard let url, !url.tls else { return }
        if fields.has("ca") {
            fields.report.add(
                fields.place(of: "ca"),
                "\(fields.subject) names authorities, but \(url.scheme) has no TLS",
                "write \(url.scheme)s://…, or remove `ca`")
        }
        guard !mayBePlain && !url.endpoint.isLoopback else { return }
        for key in ["token", "password"] where fields.has(key) {
            fields.report.add(
                fields.place(of: key),
                "\(fields.subject) sends a \(key) in plain text to \(url.endpoint)",
                "write \(url.scheme)s://…, or add `plain: true` if that network is trusted")
        }
    }
}

extension Fields {
    /// Reports keys that mean nothing for a sink of this kind.
    fileprivate func refuseWith(_ kind: String, _ keys: [String]) {
        for key in keys where has(key) {
            report.add(
                place(of: key), "\(subject) is a sink of kind `\(kind)`, which has no `\(key)`",
                "remove it")
        }
    }
}

/// Where a secret is kept. Never in the topology: that is copied, mailed and kept in histories.
public enum SecretPlace: Hashable, Sendable {
    /// The first line of a file; the node reads it again for each connection.
    case file(String)
    /// A variable of the node's environment.
    case environment(String)
}

extension Shape<SecretPlace> {
    /// `{ file: PATH }` or `{ env: NAME }`. What was written instead is not repeated: it may be the
    /// secret.
    static var secret: Shape {
        let expected = "{ file: PATH } or { env: NAME }"
        return Shape(expected) { entry, name, report in
            if case .unreadable = entry.content { return nil }
            guard case .map = entry.content else {
                report.add(
                    entry.place, "\(name) is written plainly, where everybody can read it",
                    "keep it outside: \(expected)")
                return nil
            }
            let fields = Fields(entry, name, report)
            let file = fields.value("file", .path("a file that holds the secret"))
            let variable = fields.value("env", .text("the name of a variable"))
            fields.finish()
            if (file == nil) == (variable == nil) {
                report.add(entry.place, "\(name) needs one place and no more", "give \(expected)")
                return nil
            }
            return file.map { .file($0) } ?? variable.map { .environment($0) }
        }
    }
}

extension Shape<String> {
    /// What the topics of an MQTT broker begin with.
    static var topic: Shape {
        Shape("a topic such as mill/alerts") { text throws(Units.Misfit) in
            let levels = text.split(separator: "/", omittingEmptySubsequences: false)
            let isOrdinary = text.unicodeScalars.allSatisfy { scalar in
                scalar.value >= 0x20 && !["+", "#"].contains(scalar) && scalar.value != 0x7F
            }
            guard text.utf8.count <= Bounds.topic, isOrdinary, !text.hasPrefix("$"),
                levels.allSatisfy({ !$0.isEmpty })
            else {
                throw Units.Misfit(
                    problem: "is no topic to publish to",
                    remedy: "write words between slashes, without + and #: mill/alerts")
            }
            return text
        }
    }
}
