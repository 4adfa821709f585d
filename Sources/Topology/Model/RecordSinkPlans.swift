public import Ground

/// A PostgreSQL server that a node hands its records on to.
public struct PostgresPlan: Hashable, Sendable {
    public let endpoint: Endpoint
    /// Default `canopy`.
    public let database: String
    /// Default `canopy`.
    public let user: String
    public let password: SecretPlace?
    /// Whether the server must show a certificate for its host. Default yes, but on loopback.
    public let tls: Bool
    /// PEM file of the authorities that are believed; `nil` (default) is the machine's own.
    public let authority: String?

    /// `nil` when it cannot be known where it is; that is reported.
    init?(_ fields: Fields) {
        let endpoint = fields.required("at", .address)
        database = fields.value("database", .text("the name of a database"), or: "canopy")
        user = fields.value("user", .text("a name that the server knows"), or: "canopy")
        password = fields.value("password", .secret)
        tls = fields.value("tls", .flag, or: !(endpoint?.isLoopback ?? false))
        authority = fields.value("ca", .path("a PEM file of authorities"))
        fields.finish()
        guard let endpoint else { return nil }
        self.endpoint = endpoint
        fields.checkPlain(tls, endpoint, secret: "password")
    }
}

/// S3 object storage that a node hands frames on to.
public struct ObjectStorePlan: Hashable, Sendable {
    /// Its path is `/`: the bucket stands in the requests.
    public let url: ServiceURL
    public let bucket: String
    /// Default `us-east-1`, which most servers but AWS's take.
    public let region: String
    /// What the objects' names begin with, ending in a slash; default nothing.
    public let prefix: String
    /// The access key's id, which is no secret.
    public let key: String
    public let secret: SecretPlace
    /// PEM file of the authorities that are believed; `nil` (default) is the machine's own.
    public let authority: String?

    /// `nil` when something that it needs is missing; that is reported.
    init?(_ fields: Fields) {
        let url = fields.required("url", .url(of: .objects))
        let bucket = fields.required("bucket", .bucket)
        region = fields.value("region", .text("a region such as eu-central-1"), or: "us-east-1")
        let prefix = fields.value("prefix", .text("a prefix such as mill/"), or: "")
        self.prefix = prefix.isEmpty || prefix.hasSuffix("/") ? prefix : prefix + "/"
        let key = fields.required("key", .text("the id of an access key"))
        let secret = fields.required("secret", .secret)
        authority = fields.value("ca", .path("a PEM file of authorities"))
        fields.finish()
        guard let url, let bucket, let key, let secret else { return nil }
        self.url = url
        self.bucket = bucket
        self.key = key
        self.secret = secret
    }
}

extension Fields {
    /// Reports a secret that would cross a network in plain text, and authorities without TLS.
    fileprivate func checkPlain(_ tls: Bool, _ endpoint: Endpoint, secret: String) {
        if !tls && has("ca") {
            report.add(
                place(of: "ca"), "\(subject) names authorities, but has no TLS",
                "remove `tls: false`, or `ca`")
        }
        if !tls && has(secret) && !endpoint.isLoopback {
            report.add(
                place(of: "tls"), "\(subject) sends a \(secret) in plain text to \(endpoint)",
                "remove `tls: false`")
        }
    }
}

extension Shape<String> {
    /// The name of a bucket, as S3 has them.
    fileprivate static var bucket: Shape {
        Shape("a bucket such as canopy-frames") { text throws(Units.Misfit) in
            let isPlain = text.utf8.allSatisfy { unit in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(unit)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(unit)
                    || unit == UInt8(ascii: "-") || unit == UInt8(ascii: ".")
            }
            guard (3...63).contains(text.utf8.count), isPlain else {
                throw Units.Misfit(
                    problem: "is no bucket", remedy: "write 3 to 63 of a-z, 0-9, - and .")
            }
            return text
        }
    }
}
