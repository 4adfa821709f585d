internal import CWire
public import Ground

/// A canopy.v1 LoadReportRequest.
public struct LoadReportRequest: WireMessage, Equatable {
    /// Least time between two reports of one watch; zero leaves it to the node.
    public var interval: Interval

    public init(interval: Interval = .zero) { self.interval = interval }

    public static func decode(_ bytes: Bytes) throws(Fault) -> LoadReportRequest {
        try unpacking(
            bytes, "canopy.v1.LoadReportRequest", from: .peer,
            with: canopy__v1__load_report_request__unpack
        ) { LoadReportRequest(interval: .microseconds(Int64(clamping: $0.interval_us))) }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__load_report_request__init)
            c.pointee.interval_us = interval.wholeMicroseconds
            return c
        }
    }
}

/// A canopy.v1 LoadReport: how loaded a node is.
public struct LoadReport: WireMessage, Equatable {
    public var node: String
    /// Requests admitted and not yet answered.
    public var pending: Int
    /// Requests that the node would admit at once.
    public var capacity: Int
    /// Moving average of the time from admission to answer, in whole microseconds on the wire.
    public var serviceTime: Interval
    /// Tasks with a loaded model, sorted.
    public var readyTasks: [String]
    /// The node ends soon and takes no new work.
    public var draining: Bool

    public init(
        node: String, pending: Int, capacity: Int, serviceTime: Interval, readyTasks: [String],
        draining: Bool = false
    ) {
        self.node = node
        self.pending = pending
        self.capacity = capacity
        self.serviceTime = serviceTime
        self.readyTasks = readyTasks
        self.draining = draining
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> LoadReport {
        try unpacking(
            bytes, "canopy.v1.LoadReport", from: .peer, with: canopy__v1__load_report__unpack
        ) { (c) throws(Fault) in
            LoadReport(
                node: try text(c.node, "node", .peer),
                pending: Int(c.pending), capacity: Int(c.capacity),
                serviceTime: .microseconds(Int64(clamping: c.service_time_us)),
                readyTasks: try texts(c.ready_tasks, c.n_ready_tasks, "ready_tasks", .peer),
                draining: c.draining != 0)
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__load_report__init)
            c.pointee.node = arena.text(node)
            c.pointee.pending = UInt32(clamping: pending)
            c.pointee.capacity = UInt32(clamping: capacity)
            c.pointee.service_time_us = serviceTime.wholeMicroseconds
            c.pointee.n_ready_tasks = readyTasks.count
            c.pointee.ready_tasks = arena.array(readyTasks, arena.text)
            c.pointee.draining = draining ? 1 : 0
            return c
        }
    }
}

extension Interval {
    /// Microseconds, rounded down; a negative length is none.
    fileprivate var wholeMicroseconds: UInt64 { UInt64(clamping: nanoseconds / 1000) }
}
