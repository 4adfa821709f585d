public import Ground

/// A frame that a node below was unsure of and that was answered here when it came. Its record
/// comes later, with the results of the node that it came to: here it is kept to learn from.
public struct LiveFrame: Sendable {
    /// What the node below had answered itself. It names the frame.
    public var below: Answer
    /// The request as it came.
    public var payload: [UInt8]

    public init(below: Answer, payload: [UInt8]) {
        self.below = below
        self.payload = payload
    }

    /// Whether a store may take it: its texts are bounded as those of a batch are.
    var isSound: Bool {
        let texts = [below.task, below.frame?.stream ?? "", below.node, below.label]
        return texts.allSatisfy { $0.utf8.count <= Delivery.textLimit }
            && below.confidence?.isFinite ?? true
            && (below.frame != nil || !below.input.isEmpty)
            && below.frame?.sequence ?? 0 <= Delivery.sequenceLimit
    }
}
