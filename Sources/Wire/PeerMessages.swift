internal import CWire
public import Ground

/// The versions of canopy.v1 that a node speaks: versions N and N − 1 interoperate.
public struct ProtocolRange: Sendable, Equatable {
    public var oldest: Int
    public var newest: Int

    public init(oldest: Int, newest: Int) {
        self.oldest = oldest
        self.newest = newest
    }

    /// What this build speaks.
    public static let own = ProtocolRange(oldest: 1, newest: 1)

    /// The newest version that both speak, or `nil` when there is none.
    public func common(with other: ProtocolRange) -> Int? {
        let version = min(newest, other.newest)
        return version >= max(oldest, other.oldest) ? version : nil
    }
}

/// A canopy.v1 Hello: who opens the link.
public struct Hello: WireMessage, Equatable {
    /// The node's name, as its certificate states it.
    public var node: String
    /// The program's version, for people.
    public var software: String
    public var protocols: ProtocolRange

    public init(node: String, software: String, protocols: ProtocolRange = .own) {
        self.node = node
        self.software = software
        self.protocols = protocols
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> Hello {
        try unpacking(bytes, "canopy.v1.Hello", from: .peer, with: canopy__v1__hello__unpack) {
            (c) throws(Fault) in
            Hello(
                node: try text(c.node, "node", .peer),
                software: try text(c.software, "software", .peer),
                protocols: ProtocolRange(
                    oldest: Int(c.oldest_protocol), newest: Int(c.newest_protocol)))
        }
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__hello__init)
            c.pointee.node = arena.text(node)
            c.pointee.software = arena.text(software)
            c.pointee.oldest_protocol = UInt32(clamping: protocols.oldest)
            c.pointee.newest_protocol = UInt32(clamping: protocols.newest)
            return c
        }
    }
}

/// A canopy.v1 HelloReply: who answers, and what both will speak.
public struct HelloReply: WireMessage, Equatable {
    public var hello: Hello
    /// The version chosen.
    public var version: Int

    public init(_ hello: Hello, version: Int) {
        self.hello = hello
        self.version = version
    }

    public static func decode(_ bytes: Bytes) throws(Fault) -> HelloReply {
        let version = try unpacking(
            bytes, "canopy.v1.HelloReply", from: .peer, with: canopy__v1__hello_reply__unpack
        ) { Int($0.protocol) }
        // The reply repeats the hello's fields under the same numbers.
        return HelloReply(try Hello.decode(bytes), version: version)
    }

    public func encode() -> [Bytes] {
        packing { arena in
            let c = arena.make(canopy__v1__hello_reply__init)
            c.pointee.node = arena.text(hello.node)
            c.pointee.software = arena.text(hello.software)
            c.pointee.oldest_protocol = UInt32(clamping: hello.protocols.oldest)
            c.pointee.newest_protocol = UInt32(clamping: hello.protocols.newest)
            c.pointee.protocol = UInt32(clamping: version)
            return c
        }
    }
}
