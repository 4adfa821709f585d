public import Ground

/// From when until when a certificate is valid, and whether somebody must renew it soon. Pure.
///
/// A node whose certificate has ended goes on answering whoever is connected; other nodes refuse it
/// at the next handshake. So an operator hears of it long before.
public struct CertificateTerm: Equatable, Sendable {
    /// An operator has at least so much time: two weeks, holidays among them.
    static let notice = Interval.seconds(14 * 86_400)

    public var from: WallTime
    public var until: WallTime

    public init(from: WallTime, until: WallTime) {
        self.from = from
        self.until = until
    }

    /// Whether what is left of it is a third of its time or two weeks, whichever is less, beside
    /// the hours in which its site is to get by `alone`, since nobody reaches it then.
    public func isEnding(now: WallTime, alone: Interval) -> Bool {
        let third = Interval.nanoseconds((until.nanoseconds - from.nanoseconds) / 3)
        let notice = min(third, Self.notice) + alone
        return until.nanoseconds - now.nanoseconds <= notice.nanoseconds
    }
}
