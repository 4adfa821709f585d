public import Cryptography
public import Ground
internal import Storage

/// How a client proves who it is.
public enum ClientIdentity: Sendable {
    /// Not at all, in plain text: for nodes on this machine.
    case plain
    /// TLS 1.3.
    ///
    /// - `trust`: certificates of the site's authorities, PEM.
    /// - `credentials`: what we show where a node asks for it.
    case certified(trust: [UInt8], credentials: TLSCredentials?)

    /// Largest file of authorities: some dozens of them.
    private static let mostTrust = 1 << 20

    /// TLS 1.3 with the files that `canopy cert` makes: `ca.pem`, and `NAME.pem` and `NAME.key` of
    /// a client that shows a certificate. They are read once; a client that is made after a
    /// renewal shows the new one.
    ///
    /// - Parameters:
    ///   - folder: where the files lie.
    ///   - name: whose certificate is shown; `nil` shows none, to nodes that ask for none.
    /// - Throws: the disk's fault, with the file's name, when one cannot be read.
    public static func certified(
        folder: String, name: String? = nil
    ) throws(Fault) -> ClientIdentity {
        let disk = FileDisk()
        let trust = try disk.read("\(folder)/ca.pem", limit: mostTrust)
        guard let name else { return .certified(trust: trust, credentials: nil) }
        let files = CredentialFiles(folder: folder, name: name)
        return .certified(trust: trust, credentials: try files.load(from: disk))
    }
}
