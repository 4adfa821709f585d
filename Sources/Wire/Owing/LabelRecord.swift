internal import CWire
public import Ground

/// What the answer to a request should have been, as somebody said at the node that answered it.
public struct LabelRecord: Sendable, Equatable {
    /// The `id` of the client's request.
    public var request: String
    public var task: String
    public var label: String
    public var labelledAt: WallTime
    /// Who said so: an identity.
    public var who: String

    public init(request: String, task: String, label: String, labelledAt: WallTime, who: String) {
        self.request = request
        self.task = task
        self.label = label
        self.labelledAt = labelledAt
        self.who = who
    }

    init(_ c: Canopy__V1__LabelRecord) throws(Fault) {
        request = try text(c.request, "request", .peer)
        task = try text(c.task, "task", .peer)
        label = try text(c.label, "label", .peer)
        labelledAt = WallTime(nanoseconds: c.labelled_at)
        who = try text(c.who, "who", .peer)
    }

    func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__LabelRecord>? {
        let c = arena.make(canopy__v1__label_record__init)
        c.pointee.request = arena.text(request)
        c.pointee.task = arena.text(task)
        c.pointee.label = arena.text(label)
        c.pointee.labelled_at = labelledAt.nanoseconds
        c.pointee.who = arena.text(who)
        return c
    }
}
