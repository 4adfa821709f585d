public import Ground

/// Publishes alerts to an MQTT broker, one message each, with quality of service 1. Confined to its
/// loop; each connection has a thread of its own, because libmosquitto looks names up and reads
/// certificates where it is called.
public final class Broker: AlertSink {
    /// Messages without an acknowledgement at a time: what a broker on the same site answers within
    /// a millisecond or two, and little to send again.
    public let window = 32
    public let inBatches = false
    private let settings: BrokerSettings
    private let network: any Network
    private let post: @Sendable (@escaping @Sendable () -> Void) -> Void
    private var random: Randomness
    private var backoff = Backoff()
    private var connection: BrokerConnection?
    private var hear: ((SinkEvent) -> Void)?
    /// Counts connections, so that the words of an earlier one are told from the present one's.
    private var generation = 0
    /// Whether to try all addresses of the broker's name, one after the other; see
    /// `BrokerConnection`. That is done when the first of them has just refused: a name such as
    /// `localhost` has two, and the broker may listen on the other.
    private var tryAllAddresses = false
    private var begunAt = Instant(nanoseconds: 0)
    /// A machine that refuses does so within a round trip; what takes longer is a black hole, in
    /// which waiting for every address would cost minutes.
    private static let quickRefusal = Interval.seconds(1)

    /// - Parameter post: runs a body on the loop, from any thread.
    public init(
        _ settings: BrokerSettings, on network: any Network, seed: UInt64,
        post: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) {
        self.settings = settings
        self.network = network
        self.post = post
        random = Randomness(seed: seed)
    }

    public func open(_ hear: @escaping (SinkEvent) -> Void) {
        self.hear = hear
        connect()
    }

    public func send(_ letters: [Outbox.Letter]) {
        connection?.publish(
            letters.map { letter in
                BrokerMessage(
                    number: letter.number, topic: settings.topic(of: letter.alert),
                    payload: letter.alert.json(lost: letter.lost).canonical)
            })
    }

    public func close() {
        hear = nil
        connection?.close()
        connection = nil
    }

    private func connect() {
        guard hear != nil else { return }
        generation += 1
        let box = LoopBox(self, generation)
        let post = post
        let made = BrokerConnection(settings, tryAllAddresses: tryAllAddresses) { event in
            post { box.broker?.on(event, of: box.generation) }
        }
        connection = made
        begunAt = network.time.now
        if let fault = made.start() { on(.ended(fault), of: generation) }
    }

    private func on(_ event: BrokerConnection.Event, of generation: Int) {
        guard let hear, generation == self.generation else { return }
        switch event {
        case .opened:
            backoff.reset()
            hear(.opened)
        case .delivered(let number): hear(.delivered(number))
        case .refused(let number, let fault): hear(.refused(number, fault))
        case .ended(let fault):
            connection = nil
            let isQuick = network.time.now - begunAt < Self.quickRefusal
            tryAllAddresses = isQuick && !tryAllAddresses
            hear(.closed(fault))
            _ = network.schedule(after: backoff.next(&random)) { [weak self] in self?.connect() }
        }
    }
}

/// The way from a connection's thread back to its broker: opened on the loop only.
private final class LoopBox: @unchecked Sendable {
    // Unchecked: the thread carries it, the loop alone looks inside.
    weak var broker: Broker?
    let generation: Int

    init(_ broker: Broker, _ generation: Int) {
        self.broker = broker
        self.generation = generation
    }
}
