internal import Cryptography
public import Ground

/// Where frames go in S3 object storage.
public struct ObjectSettings: Sendable {
    public var endpoint: Endpoint
    public var bucket: String
    /// What the objects' names begin with; empty, or ending in a slash.
    public var prefix: String
    public var region: String
    public var key: String
    public var secret: String

    public init(
        _ endpoint: Endpoint, bucket: String, prefix: String = "", region: String, key: String,
        secret: String
    ) {
        self.endpoint = endpoint
        self.bucket = bucket
        self.prefix = prefix
        self.region = region
        self.key = key
        self.secret = secret
    }
}

/// One object to be put, as an HTTP request.
public struct ObjectPut: Sendable {
    public let path: String
    /// All but `host` and `content-length`, which the client adds.
    public let headers: [(String, String)]
    public let body: [UInt8]
    /// The row in the store that is done with it.
    public let row: Int64
}

/// Hands a store's frames on to S3 object storage: each under its digest, and put only where none
/// lies (`If-None-Match: *`), so that the same frame is one object, from however many nodes it
/// comes.
public struct ObjectSink: Sendable {
    private let store: RecordStore
    private let name: String
    private let settings: ObjectSettings

    public init(
        _ store: RecordStore, name: String, _ settings: ObjectSettings
    ) throws(Fault) {
        self.store = store
        self.name = name
        self.settings = settings
        try store.register(sink: name, parts: [.frames])
    }

    /// The next frame that is due; `nil` when none is. Frames that are gone or damaged are passed
    /// over: their rows say which they were. Blocks.
    public func next(now: WallTime) throws(Fault) -> ObjectPut? {
        while true {
            let due = try store.dueFrames(name, limit: 1)
            guard let row = due.through else { return nil }
            if let frame = due.items.first, let body = try body(of: frame) {
                return put(body, frame.payload, row, now)
            }
            try store.advance(name, .frames, to: row)
        }
    }

    /// The frame's bytes; `nil` when they are gone or damaged for good. Any other trouble with the
    /// disk may pass, and the frame stays due.
    private func body(of frame: DueFrame) throws(Fault) -> [UInt8]? {
        do throws(Fault) {
            return try store.payload(frame.payload)
        } catch  where error.code == .notFound || error.code == .corrupt {
            return nil
        }
    }

    /// What the server said of it. Blocks.
    ///
    /// - Throws: `unavailable` when it is to be tried again; `forbidden` or `inner` when somebody
    ///   must look first. The frame stays due.
    public func finish(_ put: ObjectPut, status: Int, words: String) throws(Fault) {
        switch status {
        // 412: it lies there already, and under its digest it can be nothing else.
        case 200..<300, 412: try store.advance(name, .frames, to: put.row)
        // 409: somebody else puts the same one at this moment.
        case 408, 409, 429, 500...:
            throw refusal(.unavailable, status, words, "it is tried again")
        case 401, 403: throw refusal(.forbidden, status, words, "check key, secret and bucket")
        default: throw refusal(.inner, status, words, "check endpoint, region and bucket")
        }
    }

    private func put(
        _ body: [UInt8], _ digest: Digest, _ row: Int64, _ now: WallTime
    ) -> ObjectPut {
        let path = Self.encoded(
            "/\(settings.bucket)/\(settings.prefix)sha256/\(digest.hex.prefix(2))/\(digest.hex)")
        let signer = SignatureV4(
            key: settings.key, secret: settings.secret, region: settings.region)
        let condition = ("if-none-match", "*")
        // As the client writes it.
        let host = ("host", "\(settings.endpoint)")
        let signed = signer.headers(
            method: "PUT", path: path, headers: [host, condition], body: digest, at: now)
        return ObjectPut(path: path, headers: [condition] + signed, body: body, row: row)
    }

    private func refusal(
        _ code: Fault.Code, _ status: Int, _ words: String, _ remedy: String
    ) -> Fault {
        Fault(
            code, "the object store \(settings.endpoint) answered \(status) \(words.prefix(300))",
            source: .peer, remedy: remedy, retry: .after(.seconds(1)))
    }

    /// Percent-encoding as the signature wants it: all but unreserved characters and slashes.
    static func encoded(_ path: String) -> String {
        var text = ""
        for unit in path.utf8 {
            let scalar = Unicode.Scalar(unit)
            let isPlain =
                ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
                || ("0"..."9").contains(scalar) || "-._~/".unicodeScalars.contains(scalar)
            text += isPlain ? String(Character(scalar)) : "%\(Hex.text([unit]).uppercased())"
        }
        return text
    }
}
