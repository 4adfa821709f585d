package import FuzzSupport
import Ground
import HTTP

/// Feeds `opening` and then the rest of `input` to one connection of a server, as its first two
/// bytes steer, and checks that nothing is left when it is over.
///
/// - Returns: the first bytes that the server sent.
@discardableResult
package func exchange(_ input: inout Input, opening: [UInt8] = []) -> [UInt8] {
    let steering = Steering(&input)
    let budget = steering.budget
    weak var survivor: Server?
    let sent: [UInt8]
    do {
        var exchange = Exchange(steering, budget)
        survivor = exchange.server
        exchange.feed(opening + input.array)
        sent = exchange.end()
    }
    demand(survivor == nil, "a server without connections and owners is freed")
    demand(budget.used == 0, "no request bytes are held after the end: \(budget.used)")
    return sent
}

private struct Exchange {
    let server: Server
    private let loop = VirtualLoop()
    private let service: TrivialService
    private let transport: FedTransport
    private var steering: Steering
    private var isDraining = false

    init(_ steering: Steering, _ budget: ByteBudget) {
        self.steering = steering
        service = TrivialService(steering.answer)
        transport = FedTransport(isStalling: steering.isStalling)
        server = Server(
            service, limits: steering.limits, budget: budget, network: loop, hooks: loop.hooks)
        server.accept(transport)
    }

    mutating func feed(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count, !transport.isClosed {
            guard makeReady() else { return }
            let length = min(steering.pieceLength(), bytes.count - start)
            // Memory of its own, so that reading past a piece is seen.
            Array(bytes[start..<start + length]).withUnsafeBytes {
                transport.receiver?.received($0)
            }
            turn()
            start += length
            if steering.drains, !isDraining, start >= bytes.count / 2 {
                isDraining = true
                server.drain {}
            }
        }
    }

    /// Lets the server read again, by all that usually makes it. Whether it does.
    private func makeReady() -> Bool {
        if transport.isReading { return true }
        transport.takeAll()
        service.answerLate()
        turn()
        return transport.isReading && !transport.isClosed
    }

    private func turn() {
        loop.run()
        if steering.isSlow { loop.advance(.seconds(1)) }
        if transport.isClosing {
            transport.takeAll()
            transport.end(nil)
            loop.run()
        }
    }

    /// Takes the answers, ends the connection. The first bytes that were sent.
    func end() -> [UInt8] {
        service.answerLate()
        turn()
        // What `takeAll` frees makes room for more, as often as answers are larger than the bound.
        for _ in 0..<64 where transport.unsent > 0 {
            transport.takeAll()
            turn()
        }
        let fault = Fault(.unavailable, "connection reset by peer", source: .client)
        transport.end(steering.endsWithFault ? fault : nil)
        loop.run()
        demand(server.connections == 0, "an ended connection is forgotten")
        server.close()
        loop.run()
        return transport.beginning
    }
}
