import Cryptography
import Ground
import Inference
import Routing
import Telemetry
import Wire

extension ResultRecord {
    /// What the client of a frame was told.
    init(_ frame: Frame, _ task: TaskRuntime, told response: InferResponse, time: any TimeSource) {
        self.init()
        self.task = task.name
        stream = frame.options.stream ?? ""
        sequence = frame.options.sequence.map { UInt64($0) }
        // The name of a frame is enough to know it again.
        if stream.isEmpty || sequence == nil { inputHash = frame.request.inputHash }
        tier = response.parameters.string("canopy.tier") ?? ""
        node = response.parameters.string("canopy.node") ?? ""
        bundle = response.parameters.string("canopy.bundle") ?? ""
        confidence = response.parameters.number("canopy.confidence")
        accepted = response.parameters.bool("canopy.accepted") ?? true
        degraded = response.parameters.string("canopy.degraded") ?? ""
        tierRank = Tier(rawValue: tier).map { $0.rank + 1 } ?? 0
        label = response.bestLabel ?? frame.upstream?.bestLabel
            ?? frame.outcome?.classes.first?.label ?? ""
        // What serves is what the topology pins.
        approved = !bundle.isEmpty
        if case .int64(let taken)? = frame.options.capturedAt, taken > 0 {
            capturedAt = WallTime(nanoseconds: taken)
        }
        answeredAt = time.wall
        latency = time.now - frame.arrivedAt
        trace = frame.trace.map { $0.context.traceBytes } ?? []
        request = frame.request.id
    }
}

extension TraceContext {
    /// The trace's 16 bytes.
    fileprivate var traceBytes: [UInt8] {
        [traceHigh, traceLow].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
        }
    }
}

extension InferResponse {
    /// The surest label; `nil` of an answer without labels.
    var bestLabel: String? {
        guard let label = outputs.first(where: { $0.name == "label" })?.elements?.first else {
            return nil
        }
        return String(decoding: label.array, as: UTF8.self)
    }
}

extension InferRequest {
    /// The first 16 bytes of the SHA-256 of the inputs' contents.
    var inputHash: [UInt8] {
        let hash = StreamingHash()
        for input in inputs { input.contents.withUnsafeBytes { hash.update($0) } }
        return Array(hash.finish().bytes.prefix(16))
    }
}
