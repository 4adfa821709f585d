internal import EventLoop
internal import Ground
internal import HTTP
internal import Routing
internal import Wire

/// One unary call, to the nearest node; a second node is asked when the first cannot answer.
/// Confined to the loop.
final class Errand {
    /// Nodes that are asked one after the other: the second one shows whether it was the first's
    /// fault, and a third attempt has little time left.
    static let attempts = 2

    private let path: String
    private let message: [Bytes]
    private let deadline: Instant
    private unowned let roamer: Roamer
    private let received: (Bytes) -> Void
    private let finished: (Fault?) -> Void
    private var made = 0
    /// Who could not answer, and why.
    private var failed: (number: Int, fault: Fault)?
    private var timer: (any ScheduledTimer)?

    init(
        _ path: String, _ message: [Bytes], deadline: Instant, on roamer: Roamer,
        received: @escaping (Bytes) -> Void, finished: @escaping (Fault?) -> Void
    ) {
        self.path = path
        self.message = message
        self.deadline = deadline
        self.roamer = roamer
        self.received = received
        self.finished = finished
        timer = roamer.loop.schedule(after: max(deadline - roamer.now, .zero)) { [weak self] in
            self?.expire()
        }
    }

    /// Makes the call, or waits on when this node has failed already.
    func begin(at station: Station) -> Bool {
        if failed?.number == station.number { return false }
        made += 1
        timer?.cancel()
        let call = station.pool.call(path, deadline: deadline, handler: Try(self, station.number))
        call.send(message: message)
        call.halfClose()
        return true
    }

    func fail(_ fault: Fault) {
        timer?.cancel()
        finished(fault)
    }

    /// No node answered in time.
    private func expire() {
        roamer.forget(self)
        finished(
            failed?.fault
                ?? Fault(
                    .unavailable, "no node answers", source: .peer,
                    cause: roamer.stations.lazy.compactMap(\.trouble).first))
    }

    private func ended(_ number: Int, _ fault: Fault?) {
        if fault?.code == .exhausted { roamer.hear(.overloaded(number)) }
        let isAlone = roamer.stations.count == 1 && !roamer.discovery.isOn
        guard let fault, fault.code == .unavailable, made < Self.attempts, !isAlone,
            roamer.now < deadline
        else { return finished(fault) }
        failed = (number, fault)
        timer = roamer.loop.schedule(after: deadline - roamer.now) { [weak self] in self?.expire() }
        roamer.hear(.unavailable(number))
        roamer.run(self)
    }

    /// One attempt. The call holds it, and it holds the errand.
    private final class Try: ClientCallHandler {
        private let errand: Errand
        private let number: Int

        init(_ errand: Errand, _ number: Int) {
            self.errand = errand
            self.number = number
        }

        func message(_ bytes: Bytes) { errand.received(bytes) }
        func finished(_ status: GRPCStatus, _ fault: Fault?) { errand.ended(number, fault) }
    }
}

/// Hears the one answer of a unary call.
final class OneAnswer<Answer: WireMessage>: ClientCallHandler {
    private let completion: (Result<Answer, Fault>) -> Void
    private var response: Result<Answer, Fault>?

    init(_ completion: @escaping (Result<Answer, Fault>) -> Void) {
        self.completion = completion
    }

    func message(_ bytes: Bytes) {
        response = Result { () throws(Fault) in try Answer.decode(bytes) }
    }

    func finished(_ status: GRPCStatus, _ fault: Fault?) { finished(fault) }

    func finished(_ fault: Fault?) {
        if let fault { return completion(.failure(fault)) }
        completion(
            response
                ?? .failure(
                    Fault(.corrupt, "the node ended the call without an answer", source: .peer)))
    }
}
