internal import CLibuv
internal import Glibc
internal import Ground

/// A socket address of the kernel: IPv4, IPv6 or a path.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private(set) var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    var family: Int32 { Int32(storage.ss_family) }

    /// An IPv4 or IPv6 address as digits; `nil` for a name.
    init?(numericHost host: String, port: Int) {
        var four = sockaddr_in()
        var six = sockaddr_in6()
        if uv_ip4_addr(host, Int32(port), &four) == 0 {
            withUnsafeBytes(of: &four) { set($0) }
        } else if uv_ip6_addr(host, Int32(port), &six) == 0 {
            withUnsafeBytes(of: &six) { set($0) }
        } else {
            return nil
        }
    }

    /// A Unix domain socket; `nil` when `path` is empty or longer than the kernel's 107 bytes.
    init?(path: String) {
        var unix = sockaddr_un()
        unix.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: unix.sun_path) else {
            return nil
        }
        withUnsafeMutableBytes(of: &unix.sun_path) { $0.copyBytes(from: bytes) }
        withUnsafeBytes(of: &unix) { set($0) }
    }

    /// A copy of one entry of a name look-up, with `port` put in.
    init?(copying address: UnsafePointer<sockaddr>, port: Int) {
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            var four = raw.loadUnaligned(as: sockaddr_in.self)
            four.sin_port = in_port_t(port).bigEndian
            withUnsafeBytes(of: &four) { set($0) }
        case AF_INET6:
            var six = raw.loadUnaligned(as: sockaddr_in6.self)
            six.sin6_port = in_port_t(port).bigEndian
            withUnsafeBytes(of: &six) { set($0) }
        default: return nil
        }
    }

    /// What `read` (accept4, getsockname or getpeername) writes, with its result.
    init(_ read: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Void) {
        withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { read($0, &length) }
        }
    }

    /// Address and port as digits; a path, or nothing for a Unix domain socket without one, has
    /// port 0.
    var endpoint: Endpoint {
        switch family {
        case AF_INET, AF_INET6:
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN) + 1)
            withPointer { address, _ in _ = uv_ip_name(address, &text, text.count) }
            let host = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
            return Endpoint(host: host, port: port)
        default: return Endpoint(host: "local", port: 0)
        }
    }

    func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafePointer(to: storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    private var port: Int {
        withUnsafeBytes(of: storage) { raw in
            // sin_port and sin6_port lie at the same place.
            let offset = MemoryLayout<sockaddr_in>.offset(of: \.sin_port)!
            return Int(
                in_port_t(bigEndian: raw.loadUnaligned(fromByteOffset: offset, as: in_port_t.self)))
        }
    }

    private mutating func set(_ bytes: UnsafeRawBufferPointer) {
        withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: bytes) }
        length = socklen_t(bytes.count)
    }
}
