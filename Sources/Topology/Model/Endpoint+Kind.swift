public import Ground

extension Endpoint {
    /// Whether only programs of the same machine reach it: `localhost`, 127.0.0.0/8 or ::1.
    public var isLoopback: Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let isV4 = parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
        return host == "localhost" || host == "::1" || (isV4 && parts[0] == "127")
    }

    /// Whether it stands for every address of a machine.
    public var isWildcard: Bool { host == "0.0.0.0" || host == "::" || host == "*" }

    /// Whether the host is made of what names and numeric addresses are made of.
    var isPlain: Bool {
        host.utf8.allSatisfy { unit in
            switch unit {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "%"):
                true
            default: false
            }
        }
    }
}
