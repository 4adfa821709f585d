public import Cryptography
public import Ground

/// TLS as bytes in and bytes out: what a connection needs of it.
public protocol SecureSession: AnyObject {
    func receive(
        _ ciphertext: UnsafeRawBufferPointer, _ plaintext: (UnsafeRawBufferPointer) -> Void
    ) throws(Fault)
    /// Buffered inside until the handshake is over.
    func send(_ plaintext: UnsafeRawBufferPointer) throws(Fault)
    /// Ciphertext for the socket, `nil` when there is none.
    func takeOutput() -> Bytes?
    var isEstablished: Bool { get }
    /// An earlier session was resumed.
    var isResumed: Bool { get }
    var applicationProtocol: String? { get }
    var peer: PeerIdentity? { get }
    func shutdown()
}

extension TLSSession: SecureSession {}
