internal import CMosquitto
internal import Glibc
internal import Ground
internal import Synchronization

/// One message on its way to a broker.
struct BrokerMessage: Sendable {
    let number: UInt64
    let topic: String
    let payload: [UInt8]
}

/// One connection to a broker, from the look-up of its name to its end, on a thread of its own.
///
/// libmosquitto is used from that thread alone. Its own loop is not: it waits with select(2), which
/// knows no descriptor from 1,024 on, and a gateway has more connections than that. A connection
/// that has ended is thrown away with all its state; what was not acknowledged is the outbox's.
final class BrokerConnection: Sendable {
    enum Event: Sendable {
        /// The broker takes messages.
        case opened
        case delivered(UInt64)
        case refused(UInt64, Fault)
        /// It is over; nothing follows.
        case ended(Fault)
    }

    /// What the loop hands to the thread.
    private struct Orders {
        var messages: [BrokerMessage] = []
        var isClosing = false
    }

    let settings: BrokerSettings
    let tryAllAddresses: Bool
    let tell: @Sendable (Event) -> Void
    private let orders = Mutex(Orders())
    private let wake: Int32

    /// - Parameters:
    ///   - tryAllAddresses: libmosquitto connects in two ways. One does not wait, and takes the
    ///     first address of a name only; the other tries them all, and waits for each as long as
    ///     the kernel does, up to two minutes.
    ///   - tell: called on the connection's thread.
    init(
        _ settings: BrokerSettings, tryAllAddresses: Bool, tell: @escaping @Sendable (Event) -> Void
    ) {
        self.settings = settings
        self.tryAllAddresses = tryAllAddresses
        self.tell = tell
        wake = canopy_mqtt_wake_open()
    }

    deinit { if wake >= 0 { Glibc.close(wake) } }

    /// Starts the thread; a fault when there can be none.
    func start() -> Fault? {
        guard wake >= 0 else {
            return Fault(.exhausted, "no descriptor is left for a connection to a broker")
        }
        let retained = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                let connection = Unmanaged<BrokerConnection>.fromOpaque(argument!)
                    .takeRetainedValue()
                connection.run()
                return nil
            }, retained.toOpaque())
        guard status == 0 else {
            retained.release()
            return Fault(.exhausted, "no thread can be started for a connection to a broker")
        }
        pthread_detach(thread)
        return nil
    }

    /// Publishes messages in order. From the loop.
    func publish(_ messages: [BrokerMessage]) {
        orders.withLock { $0.messages += messages }
        canopy_mqtt_wake(wake)
    }

    /// Takes leave of the broker, soon. From the loop.
    func close() {
        orders.withLock { $0.isClosing = true }
        canopy_mqtt_wake(wake)
    }

    private func run() {
        canopy_mqtt_name_thread("canopy-mqtt")
        do throws(Fault) {
            let client = try BrokerClient(settings, tell: tell)
            try client.connect(waiting: tryAllAddresses)
            while true {
                try client.turn(wake: wake)
                let orders = takeOrders()
                if orders.isClosing { return client.disconnect() }
                for message in orders.messages { client.publish(message) }
            }
        } catch {
            tell(.ended(error))
        }
    }

    private func takeOrders() -> Orders {
        canopy_mqtt_wake_clear(wake)
        return orders.withLock { orders in
            defer { orders.messages = [] }
            return orders
        }
    }
}
