internal import CLibuv
internal import Ground

/// Runs bodies when everything else of a loop's turn has run: just before it waits for sockets.
///
/// What many callbacks of one turn have to say to one socket is written once, here.
final class EndOfTurn: HandleOwner {
    /// An array of closures keeps each behind another one, which is an allocation.
    private struct Body { let run: () -> Void }

    private let prepare = UnsafeMutablePointer<uv_prepare_t>.allocate(capacity: 1)
    private var bodies: [Body] = []
    private var spare: [Body] = []
    private var isClosed = false

    private let poster: LoopPoster

    /// A body may add another; after this many rounds the rest waits for the next turn, so that two
    /// bodies which call for each other do not stop the loop.
    private static let mostRounds = 16

    init(_ uv: UnsafeMutablePointer<uv_loop_t>, poster: LoopPoster) {
        self.poster = poster
        uv_prepare_init(uv, prepare)
        uv_unref(prepare.asHandle)
        prepare.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    func add(_ body: @escaping () -> Void) {
        guard !isClosed else { return }
        bodies.append(Body(run: body))
        guard bodies.count == 1 else { return }
        uv_prepare_start(prepare) { owner($0!.pointee.data, as: EndOfTurn.self).run() }
    }

    func loopEnds() {
        guard !isClosed else { return }
        isClosed = true
        bodies = []
        prepare.closeHandle()
    }

    private func run() {
        for _ in 0..<Self.mostRounds where !bodies.isEmpty {
            swap(&bodies, &spare)
            for body in spare { body.run() }
            spare.removeAll(keepingCapacity: true)
        }
        if bodies.isEmpty { uv_prepare_stop(prepare) } else { poster.post {} }
    }
}

extension Loop {
    /// Runs `body` once, when the present turn's callbacks have run and before the loop waits. On
    /// the loop.
    public func atEndOfTurn(_ body: @escaping () -> Void) {
        assertOnLoop()
        turnEnd.add(body)
    }
}
