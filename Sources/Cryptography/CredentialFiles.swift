public import Ground

/// A certificate chain and its key as two PEM files, `NAME.pem` and `NAME.key`.
public struct CredentialFiles: Sendable {
    /// Path of the chain; everybody may read it.
    public var chain: String
    /// Path of the key; only its owner may read it.
    public var key: String

    public init(chain: String, key: String) {
        self.chain = chain
        self.key = key
    }

    /// `NAME.pem` and `NAME.key` in `folder`.
    public init(folder: String, name: String) {
        self.init(chain: "\(folder)/\(name).pem", key: "\(folder)/\(name).key")
    }

    /// Writes both, the key first. Who reads in between meets a pair that does not match, which
    /// `TLSContext` refuses: keep the old context and read again.
    public func save(
        _ credentials: TLSCredentials, on disk: some SecretDisk
    ) throws(Fault) {
        try disk.replace(key, with: credentials.privateKey, access: .owner)
        try disk.replace(chain, with: credentials.certificateChain, access: .everyone)
    }

    /// Reads both.
    public func load(from disk: some Disk) throws(Fault) -> TLSCredentials {
        TLSCredentials(
            certificateChain: try disk.read(chain, limit: PEM.byteLimit),
            privateKey: try disk.read(key, limit: PEM.byteLimit))
    }
}
