import FuzzSupport
import Ground

/// The server's end of a connection whose client is the fuzzer's input.
final class FedTransport: Transport {
    var receiver: (any TransportReceiver)?
    let peer = Endpoint(host: "fuzzer", port: 1)
    /// The first bytes that were sent.
    private(set) var beginning: [UInt8] = []
    private(set) var unsent = 0
    private(set) var isReading = false
    private(set) var isClosing = false
    private(set) var isClosed = false
    /// The kernel takes nothing until `takeAll`.
    private let isStalling: Bool

    init(isStalling: Bool) { self.isStalling = isStalling }

    func send(_ bytes: [Bytes]) {
        demand(!isClosed, "nothing is sent after the end")
        for slice in bytes {
            if beginning.count < 16 {
                beginning += slice.withUnsafeBytes { Array($0.prefix(16)) }
            }
            if isStalling { unsent += slice.count }
        }
    }

    func setReading(_ on: Bool) { isReading = on }

    func close(abruptly: Bool) { isClosing = true }

    /// The kernel takes what waits.
    func takeAll() {
        guard unsent > 0, !isClosed else { return }
        unsent = 0
        receiver?.drained()
    }

    /// The stream is over: at the server's wish, or because the client went away.
    func end(_ fault: Fault?) {
        guard !isClosed else { return }
        isClosed = true
        let receiver = receiver
        self.receiver = nil
        receiver?.closed(fault)
    }
}
