public import Ground

/// One address on which a node answers.
public struct Listener: Sendable {
    /// Host and port; port 0 lets the system choose.
    public let endpoint: Endpoint
    /// How callers must say who they are. Default `certificate`: nobody unknown gets in.
    public let clients: Clients
    /// What it answers. Default everything with certificates, and inference and metrics without:
    /// control always needs a certificate.
    public let serves: Set<Service>
    /// Whether it speaks TLS. Default yes.
    public let tls: Bool
    /// Whether the file says that strangers and plain text are wanted beyond this machine.
    public let anywhere: Bool
    public let place: Place

    /// How callers say who they are.
    public enum Clients: String, CaseIterable, Sendable {
        /// By a certificate of the topology's authority.
        case certificate
        /// By a bearer token of an identity.
        case token
        /// Not at all.
        case open
    }

    /// What a listener may answer.
    public enum Service: String, CaseIterable, Sendable {
        /// The Open Inference Protocol, and `canopy.v1` with a node's certificate.
        case inference
        /// `/metrics`.
        case metrics
        /// What changes a node.
        case control
    }

    /// Reads `host:port`, or a map with `at`.
    init?(_ entry: Entry, _ name: String, _ report: Report) {
        var fields = Fields(Entry(place: entry.place, content: .nothing), name, report)
        let endpoint: Endpoint?
        if case .map = entry.content {
            fields = Fields(entry, name, report)
            endpoint = fields.required("at", .listenEndpoint)
        } else {
            endpoint = Shape.listenEndpoint.read(entry, name, report)
        }
        place = entry.place
        clients = fields.value("clients", .word, or: .certificate)
        tls = fields.value("tls", .flag, or: true)
        anywhere = fields.value("anywhere", .flag, or: false)
        let stated: [Placed<Service>]? = fields.value("serves", .list(of: .word))
        let standard: [Service] =
            clients == .certificate ? Service.allCases : [.inference, .metrics]
        serves = Set(stated?.map(\.value) ?? standard)
        fields.finish()
        guard let endpoint else { return nil }
        self.endpoint = endpoint
        check(fields)
    }

    private func check(_ fields: Fields) {
        let report = fields.report
        if clients == .certificate && !tls {
            report.add(
                fields.place(of: "tls"), "\(fields.subject) wants certificates without TLS",
                "remove `tls: false`, or let clients be token or open")
        }
        if clients != .certificate && serves.contains(.control) {
            report.add(
                fields.place(of: "serves"),
                "\(fields.subject) serves control to clients without a certificate",
                "remove control here and serve it on a listener with `clients: certificate`")
        }
        guard !endpoint.isLoopback && !anywhere else { return }
        if clients == .open {
            report.add(
                fields.place(of: "clients"),
                "\(fields.subject) is open to everybody who reaches \(endpoint)",
                "listen on 127.0.0.1, ask for certificate or token, or add `anywhere: true`")
        }
        if !tls && clients != .certificate {
            report.add(
                fields.place(of: "tls"),
                "\(fields.subject) sends plain text on \(endpoint)",
                "listen on 127.0.0.1, remove `tls: false`, or add `anywhere: true`")
        }
    }
}

extension Shape<Listener> {
    static var listener: Shape {
        Shape("host:port such as 0.0.0.0:8443, or { at: host:port, clients: … }") {
            Listener($0, $1, $2)
        }
    }
}
