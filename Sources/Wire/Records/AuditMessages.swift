internal import CWire
public import Ground

/// A canopy.v1 AuditQuery: when. What is empty or `nil` is left open.
public struct AuditQuery: WireMessage, Equatable {
    public var from: WallTime?
    public var until: WallTime?
    /// `next` of the answer before.
    public var after = ""
    /// Entries of an answer, 1 to 1000; 100 when 0.
    public var limit = 0

    public init() {}

    public static func decode(_ bytes: Bytes) throws(Fault) -> AuditQuery {
        try unpacking(
            bytes, "canopy.v1.AuditQuery", from: .client, with: canopy__v1__audit_query__unpack
        ) { (c) throws(Fault) in
            var query = AuditQuery()
            (query.from, query.until) = (WallTime(orNone: c.from), WallTime(orNone: c.until))
            query.after = try text(c.after, "after", .client)
            query.limit = Int(c.limit)
            return query
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__audit_query__init)
            c.pointee.from = from?.nanoseconds ?? 0
            c.pointee.until = until?.nanoseconds ?? 0
            c.pointee.after = arena.text(after)
            c.pointee.limit = UInt32(clamping: limit)
            return c
        }
    }
}

/// A canopy.v1 AuditReply: what was done, newest first.
public struct AuditReply: WireMessage, Equatable {
    public struct Entry: Equatable, Sendable {
        public var site = ""
        public var node = ""
        public var at = WallTime(nanoseconds: 0)
        public var who = ""
        public var action = ""
        public var subject = ""
        public var words = ""

        public init() {}

        init(_ c: Canopy__V1__StoredAudit) throws(Fault) {
            site = try text(c.site, "site", .peer)
            node = try text(c.node, "node", .peer)
            at = WallTime(nanoseconds: c.at)
            who = try text(c.who, "who", .peer)
            action = try text(c.action, "action", .peer)
            subject = try text(c.subject, "subject", .peer)
            words = try text(c.words, "words", .peer)
        }

        func packed(_ arena: Arena) -> UnsafeMutablePointer<Canopy__V1__StoredAudit>? {
            let c = arena.make(canopy__v1__stored_audit__init)
            c.pointee.site = arena.text(site)
            c.pointee.node = arena.text(node)
            c.pointee.at = at.nanoseconds
            c.pointee.who = arena.text(who)
            c.pointee.action = arena.text(action)
            c.pointee.subject = arena.text(subject)
            c.pointee.words = arena.text(words)
            return c
        }
    }

    public var entries: [Entry]
    /// Where the next answer begins; empty on the last.
    public var next: String

    public init(entries: [Entry], next: String) {
        self.entries = entries
        self.next = next
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> AuditReply {
        try unpacking(
            bytes, "canopy.v1.AuditReply", from: .peer, with: canopy__v1__audit_reply__unpack
        ) { (c) throws(Fault) in
            AuditReply(
                entries: try list(c.entries, c.n_entries, Entry.init),
                next: try text(c.next, "next", .peer))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__audit_reply__init)
            c.pointee.n_entries = entries.count
            c.pointee.entries = arena.array(entries) { $0.packed(arena) }
            c.pointee.next = arena.text(next)
            return c
        }
    }
}
