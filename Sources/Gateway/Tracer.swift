import Ground
import Inference
import Routing
import Telemetry
import Wire

/// A frame's place in its trace.
struct FrameTrace {
    /// This node's span of the frame.
    var context: TraceContext
    /// The caller's span, or `nil`.
    var parent: UInt64?
    /// The call upstream, once there is one.
    var call: TraceContext
    let start: WallTime
    /// When the frame's own span ended; what is called later is an audit.
    var endedAt: Instant?

    /// The header for the node upstream: its span lies beneath our call.
    var child: String { call.traceparent }
}

/// Makes a loop's spans. Confined to its loop; what is full drops spans and counts them.
final class Tracer {
    private var buffer = SpanBuffer()
    private let sample: Double
    private let time: any TimeSource
    private var random: Randomness

    /// - Parameter sample: share of frames without a caller's decision that are recorded, 0…1.
    init(sample: Double, time: any TimeSource, seed: UInt64) {
        self.sample = sample
        self.time = time
        random = Randomness(seed: seed)
    }

    /// Begins a frame's span: beneath the caller's, or as the root of a new trace.
    func begin(_ work: FrameWork) -> FrameTrace? {
        let parent = work.traceparent.flatMap(TraceContext.init(traceparent:))
        let context =
            parent?.child(random: &random)
            ?? TraceContext.root(sampled: random.unit() < sample, random: &random)
        return FrameTrace(
            context: context, parent: parent?.span, call: context.child(random: &random),
            start: time.wall)
    }

    /// Records a frame's spans when its last answer has gone out. Times of day are the start's plus
    /// monotonic lengths, so that a clock that steps meanwhile bends nothing.
    func end(_ frame: Frame, _ task: TaskRuntime, node: NodeNames, error: String?, now: Instant) {
        guard let trace = frame.trace, trace.context.sampled else { return }
        frame.trace?.endedAt = now
        let end = trace.start + (now - frame.arrivedAt)
        buffer.append(
            Span(
                "frame \(task.name)", .server, context: trace.context, parent: trace.parent,
                start: trace.start, end: end,
                attributes: [
                    .init(name: "canopy.node", value: .string(node.name)),
                    .init(name: "canopy.tier", value: .string(node.tier)),
                    .init(name: "canopy.task", value: .string(task.name)),
                ], error: error))
        if let inferred = frame.inferredAt {
            let stop = trace.start + (inferred - frame.arrivedAt)
            buffer.append(
                Span(
                    "inference \(task.name)", .internal,
                    context: trace.context.child(random: &random), parent: trace.context.span,
                    start: trace.start, end: stop,
                    attributes: [
                        Self.milliseconds("canopy.queue_ms", frame.times.queued),
                        Self.milliseconds("canopy.infer_ms", frame.times.infer),
                    ]))
        }
        if frame.calledAt != nil { call("escalation \(task.name)", of: frame, now: now) }
    }

    /// Records what is left of a frame that is over: the audit of an answer that was given before,
    /// or a frame whose caller has gone.
    func forget(_ frame: Frame, _ task: TaskRuntime, node: NodeNames, now: Instant) {
        guard let trace = frame.trace, trace.context.sampled else { return }
        guard let ended = trace.endedAt else {
            return end(frame, task, node: node, error: "the caller has gone", now: now)
        }
        if let called = frame.calledAt, called >= ended {
            call("audit \(task.name)", of: frame, now: now)
        }
    }

    private func call(_ name: String, of frame: Frame, now: Instant) {
        guard let trace = frame.trace, let called = frame.calledAt else { return }
        buffer.append(
            Span(
                name, .client, context: trace.call, parent: trace.context.span,
                start: trace.start + (called - frame.arrivedAt),
                end: trace.start + (now - frame.arrivedAt)))
    }

    private static func milliseconds(_ name: String, _ length: Interval) -> Span.Attribute {
        Span.Attribute(name: name, value: .double(length.milliseconds))
    }

    /// Takes finished spans out for export.
    func take() -> [Span] { buffer.take() }

    /// Spans that found no room so far.
    var dropped: UInt64 { buffer.dropped }
}

extension WallTime {
    fileprivate static func + (time: WallTime, length: Interval) -> WallTime {
        WallTime(nanoseconds: time.nanoseconds &+ length.nanoseconds)
    }
}
