import FuzzSupport
import Ground
import Wire

/// The first byte says which decoder reads the rest. In JSON its third bit says that two bytes with
/// `Inference-Header-Content-Length` come first.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ base: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = Input(base, count)
    let steer = input.next()
    switch steer & 3 {
    case 0: roundTrip(Bytes(copying: input.rest), same: same as (InferRequest, _) -> _)
    case 1: roundTrip(Bytes(copying: input.rest), same: same as (InferResponse, _) -> _)
    case 2: roundTrip(Bytes(copying: input.rest), same: same as (StreamResponse, _) -> _)
    default:
        var length: Int?
        if steer & 4 != 0 { length = Int(input.next()) << 8 | Int(input.next()) }
        json(Bytes(copying: input.rest), headerLength: length)
    }
    return 0
}

/// What decodes must be the same value after it was encoded and decoded once more.
private func roundTrip<Message: WireMessage>(
    _ bytes: Bytes, same: (Message, Message) -> Bool
) {
    guard let message = try? Message.decode(bytes) else { return }
    check(message, same: same)
}

private func check<Message: WireMessage>(_ message: Message, same: (Message, Message) -> Bool) {
    do throws(Fault) {
        let again = try Message.decode(Bytes(message.encode().flatMap(\.array)))
        demand(same(message, again), "\(Message.self) is the same after encoding")
    } catch {
        // Unpacking may take memory by the message's length, and fields that nobody knows, which
        // are not encoded again, add to that.
        demand(error.code == .exhausted, "\(Message.self) decodes after encoding: \(error)")
    }
}

/// A REST request must survive the way to another node, and an answer with its tensors must be
/// JSON.
private func json(_ body: Bytes, headerLength: Int?) {
    let read = try? InferRequest.decodeJSON(body, headerLength: headerLength, model: "digits")
    guard let request = read else { return }
    check(request, same: same)
    let answer = InferResponse(
        model: request.model, id: request.id, parameters: request.parameters,
        outputs: request.inputs
    ).json(answering: request)
    let whole = answer.body.flatMap(\.array)
    do throws(Fault) {
        _ = try JSON(
            parsing: Array(whole.prefix(answer.headerLength ?? whole.count)), place: "answer")
    } catch {
        demand(false, "an answer is JSON: \(error)")
    }
}
