internal import Ground
internal import HTTP
internal import Wire

/// One stream of a camera's frames to one node. Confined to the loop.
final class Passage: ClientCallHandler {
    let number: UInt32
    let station: Station
    private weak var lane: CameraLane?
    private var call: ClientCall?
    /// We ended it.
    private var isGivenUp = false
    private var retiredAt: Instant?

    /// How long a node may go on answering what it has: no frame's deadline is longer.
    static let longestRetired = Interval.seconds(60)

    init(_ number: UInt32, to station: Station, of lane: CameraLane) {
        self.number = number
        self.station = station
        self.lane = lane
    }

    func open() {
        call = station.pool.call(RPCPath.modelStreamInfer, deadline: nil, handler: self)
    }

    func send(_ request: InferRequest) { call?.send(message: request.encode()) }

    /// No frame follows; it ends when all are answered.
    func retire(now: Instant) {
        retiredAt = now
        call?.halfClose()
    }

    /// It should have ended long ago.
    func isOverdue(now: Instant) -> Bool {
        retiredAt.map { now - $0 > Self.longestRetired } ?? false
    }

    /// Ends it now.
    func cancel() {
        isGivenUp = true
        call?.cancel()
    }

    func message(_ bytes: Bytes) {
        do throws(Fault) {
            try take(StreamResponse.decode(bytes))
        } catch {
            // What cannot be read once cannot be read again: the node is left.
            call?.cancel()
        }
    }

    private func take(_ message: StreamResponse) throws(Fault) {
        guard let lane, let response = message.response else { return }
        guard let number = FrameName.sequence(of: response.id, stream: lane.name) else { return }
        if let fault = message.fault {
            lane.refused(self, number, fault)
        } else {
            lane.answered(self, number, FrameAnswer(response))
        }
    }

    func finished(_ status: GRPCStatus, _ fault: Fault?) {
        let answered = call?.header("grpc-status") != nil
        call = nil
        guard let lane else { return }
        guard let fault, !isGivenUp else { return lane.closed(self, nil) }
        if answered, Self.isFinal(fault.code) { return lane.forbidden(self, fault) }
        lane.closed(self, fault)
    }

    /// Whether asking again, here or elsewhere, would be answered in the same way.
    private static func isFinal(_ code: Fault.Code) -> Bool {
        [.unauthenticated, .forbidden, .unsupported, .invalid, .notFound].contains(code)
    }
}

/// The id that a frame carries: its camera and its number there.
enum FrameName {
    static func id(_ stream: String, _ sequence: Int) -> String { "\(stream)/\(sequence)" }

    static func sequence(of id: String, stream: String) -> Int? {
        guard id.hasPrefix(stream), id.dropFirst(stream.count).first == "/" else { return nil }
        return Int(id.dropFirst(stream.count + 1))
    }
}
