internal import Ground

/// What a server's connection speaks above TLS: HTTP/2 or HTTP/1.1.
protocol Conversation: AnyObject {
    func received(_ bytes: UnsafeRawBufferPointer)
    /// Puts what is ready into `cork`, about `room` bytes of it. Whether more is ready.
    func write(into cork: Cork, room: Int) -> Bool
    /// Nothing will be read or written any more.
    var isDone: Bool { get }
    /// Whether pipelined bytes must wait in the socket.
    var wantsPause: Bool { get }
    /// Bodies or messages that have begun and are not whole.
    var bodiesUnderWay: Int { get }
    /// Calls that wait for their answer or its flush.
    var calls: Int { get }
    /// A head has begun and is not whole.
    var headUnderWay: Bool { get }
    /// Bounds of time, once a sweep. `quiet`: sweeps in which no byte came.
    func sweep(quiet: Int)
    /// Takes no new calls, ends when those under way have.
    func drain()
    /// Tells the client that it took too long, and ends.
    func expire()
    /// The connection is gone.
    func lost(_ fault: Fault)
}
