import Cryptography
import Ground
import HTTP
import Node
import Topology
import Wire

/// The methods of canopy.v1.Control.
enum ControlMethod {
    case status, drain, undrain, overrideBreaker, reload, receipts

    init?(path: String) {
        switch path {
        case RPCPath.status: self = .status
        case RPCPath.drain: self = .drain
        case RPCPath.undrain: self = .undrain
        case RPCPath.overrideBreaker: self = .overrideBreaker
        case RPCPath.reload: self = .reload
        case RPCPath.receipts: self = .receipts
        default: return nil
        }
    }
}

/// One call of canopy.v1.Control: one message, one answer.
final class ControlCall: CallHandler {
    private let call: ServerCall
    private let method: ControlMethod
    private let shard: Shard
    private let control: ControlPlane
    private var hasMessage = false

    init(
        _ call: ServerCall, _ method: ControlMethod, _ shard: Shard, _ control: ControlPlane
    ) {
        self.call = call
        self.method = method
        self.shard = shard
        self.control = control
    }

    func message(_ bytes: Bytes) {
        guard !hasMessage else { return }
        hasMessage = true
        do throws(Fault) {
            try answer(bytes)
        } catch {
            call.finish(error)
        }
    }

    private func answer(_ bytes: Bytes) throws(Fault) {
        switch method {
        case .status:
            _ = try EmptyRequest.decode(bytes)
            control.status(on: shard.loop, end)
        case .drain, .undrain:
            _ = try EmptyRequest.decode(bytes)
            try control.drain(method == .drain, by: who, on: shard.loop, end)
        case .overrideBreaker:
            end(try control.override(BreakerOverride.decode(bytes), by: who))
        case .reload:
            _ = try EmptyRequest.decode(bytes)
            try control.reload(on: shard.loop, end)
        case .receipts:
            try control.receipts(ReceiptsQuery.decode(bytes), on: shard.loop) { [self] in end($0) }
        }
    }

    private var who: String { call.identity?.description ?? "nobody" }

    private func end(_ answer: some WireMessage) {
        call.send(message: answer.encode())
        call.finish()
    }

    private func end(_ result: Result<some WireMessage, Fault>) {
        switch result {
        case .success(let answer): end(answer)
        case .failure(let fault): call.finish(fault)
        }
    }

    func halfClosed() {
        guard !hasMessage else { return }
        call.finish(Fault(.invalid, "the call ended without a message", source: .client))
    }

    func cancelled(_ fault: Fault) {}
}
