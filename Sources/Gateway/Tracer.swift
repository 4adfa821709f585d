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
    /// When the frame arrived, by the clock of the node where the trace began.
    let start: WallTime
    /// How much later it was by this node's own clock; `nil` where the trace began here.
    let ahead: Interval?
    /// What other tracers said.
    let state: TraceState
    /// When the frame's own span ended; what is called later is an audit.
    var endedAt: Instant?
}

extension Frame {
    /// Whether anybody records this frame: this node, or the nodes around it.
    var isTraced: Bool { trace?.context.sampled ?? (foreignTrace?.state.arrival != nil) }

    /// The headers by which a call that begins now belongs to the frame's trace: the callee's span
    /// lies beneath our call, and begins when the call should have come there.
    func traceHeaders(_ transit: Transit, now: Instant) -> [(String, String)] {
        let parent: String
        var state: TraceState
        if let trace {
            parent = trace.call.traceparent
            state = trace.state
            state.arrival = trace.context.sampled ? trace.start : nil
        } else if let foreignTrace {
            (parent, state) = (foreignTrace.parent, foreignTrace.state)
        } else {
            return []
        }
        state.arrival = state.arrival.map { $0 + (now - arrivedAt) + transit.oneWay }
        let traceparent = ("traceparent", parent)
        return state.header.map { [traceparent, ("tracestate", $0)] } ?? [traceparent]
    }
}

extension Shard {
    /// Learns from an answered call how long the way to the peer takes.
    func noteTransit(of frame: Frame, since sent: Instant, _ response: InferResponse) {
        peers[frame.peer].transit.observe(
            call: time.now - sent, route: response.parameters.string("canopy.route"))
    }
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
        let parent = work.trace.flatMap { TraceContext(traceparent: $0.parent) }
        // Of a trace that cannot be joined, nothing else holds either.
        let state = parent == nil ? TraceState() : work.trace?.state ?? TraceState()
        let wall = time.wall
        let context =
            parent?.child(random: &random)
            ?? TraceContext.root(sampled: random.unit() < sample, random: &random)
        return FrameTrace(
            context: context, parent: parent?.span, call: context.child(random: &random),
            start: state.arrival ?? wall, ahead: state.arrival.map { wall - $0 }, state: state)
    }

    /// Records a frame's spans when its last answer has gone out. Times of day are the start's plus
    /// monotonic lengths, so that a clock that steps meanwhile bends nothing; the start of a frame
    /// that came from another node is by that node's clock, so that clocks that differ bend nothing
    /// either.
    func end(_ frame: Frame, _ task: TaskRuntime, node: NodeNames, error: String?, now: Instant) {
        guard let trace = frame.trace, trace.context.sampled else { return }
        frame.trace?.endedAt = now
        let end = trace.start + (now - frame.arrivedAt)
        buffer.append(
            Span(
                "frame \(task.name)", .server, context: trace.context, parent: trace.parent,
                start: trace.start, end: end,
                attributes: Self.attributes(trace, task, node), error: error))
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

    private static func attributes(
        _ trace: FrameTrace, _ task: TaskRuntime, _ node: NodeNames
    ) -> [Span.Attribute] {
        var facts = [
            Span.Attribute(name: "canopy.node", value: .string(node.name)),
            Span.Attribute(name: "canopy.tier", value: .string(node.tier)),
            Span.Attribute(name: "canopy.task", value: .string(task.name)),
        ]
        // Nothing is hidden: whoever compares the trace with this node's log needs it.
        if let ahead = trace.ahead { facts.append(milliseconds("canopy.clock_ahead_ms", ahead)) }
        return facts
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

    fileprivate static func - (a: WallTime, b: WallTime) -> Interval {
        Interval(nanoseconds: a.nanoseconds &- b.nanoseconds)
    }
}
