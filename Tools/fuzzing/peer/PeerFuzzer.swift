import Compression
import FuzzSupport
import Ground
import Wire

/// What nodes and operators say to each other. The first byte says which message the rest is.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ base: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = Input(base, count)
    let kind = Int(input.next()) % (messages.count + 2)
    let bytes = Bytes(copying: input.rest)
    switch kind {
    case messages.count: records(of: bytes)
    case messages.count + 1: block(bytes)
    default: messages[kind](bytes)
    }
    return 0
}

/// By the number that a seed begins with; new ones go to the end.
private let messages: [@Sendable (Bytes) -> Void] = [
    fixed(Hello.self), fixed(HelloReply.self), fixed(LoadReportRequest.self),
    fixed(LoadReport.self), fixed(Feedback.self), fixed(FeedbackReply.self),
    fixed(NodeReport.self), fixed(NodeReportReply.self), fixed(OwedBlock.self),
    fixed(UploadBatch.self), fixed(UploadReply.self), fixed(OwedRecord.self),
    fixed(NeighboursRequest.self), fixed(NeighboursResponse.self), fixed(RecordsQuery.self),
    fixed(RecordsPage.self), fixed(LabelRequest.self), fixed(LabelReply.self),
    fixed(ExplainRequest.self), fixed(RecordExplanation.self), fixed(RecordStatsRequest.self),
    fixed(RecordStatsReply.self), fixed(BreakerOverride.self), fixed(BreakerOverrideReply.self),
    fixed(NodeStatus.self), fixed(ReloadReply.self), fixed(DrainReply.self), fixed(RPCStatus.self),
    fixed(HealthRequest.self), fixed(HealthResponse.self), fixed(ModelReference.self),
    fixed(Readiness.self), fixed(ServerMetadata.self), fixed(ModelMetadata.self),
    fixed(ModelConfiguration.self),
]

/// What decodes is encoded to bytes that decode to what is encoded the same: what a node hands on
/// means what came. Bytes are compared, since a number that is none equals nothing.
private func fixed<Message: WireMessage>(
    _ type: Message.Type
) -> @Sendable (Bytes) -> Void {
    { bytes in
        guard let message = try? Message.decode(bytes) else { return }
        let once = message.encode().flatMap(\.array)
        do throws(Fault) {
            let again = try Message.decode(Bytes(once)).encode().flatMap(\.array)
            demand(once == again, "\(Message.self) is the same after encoding")
        } catch {
            // Unpacking may take memory by the message's length, and fields that nobody knows,
            // which are not encoded again, add to that.
            demand(error.code == .exhausted, "\(Message.self) decodes after encoding: \(error)")
        }
    }
}

/// A block's records, as a hub takes them one by one, lie within it and within their bound.
private func records(of bytes: Bytes) {
    guard let records = try? OwedBlock.records(of: bytes) else { return }
    demand(records.count <= OwedBlock.mostRecords, "a block's records are bounded")
    demand(records.reduce(0) { $0 + $1.count } <= bytes.count, "records lie within their block")
    for record in records { fixed(OwedRecord.self)(record) }
}

/// A compressed block is as long as it was said to be, or refused.
private func block(_ bytes: Bytes) {
    guard bytes.count >= 2 else { return }
    let size = bytes.withUnsafeBytes { Int($0[0]) << 8 | Int($0[1]) }
    guard let plain = try? Zstd.expanded(bytes[2..<bytes.count], size: size, limit: 1 << 16) else {
        return
    }
    demand(plain.count == size, "a block is as long as was said")
    let again = try? Zstd.expanded(Zstd.compressed(plain), size: size, limit: 1 << 16)
    demand(again?.array == plain.array, "a block is the same after compression")
    records(of: plain)
}
