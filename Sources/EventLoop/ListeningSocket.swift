internal import CLibuv
internal import Glibc
internal import Ground

/// Makes listening sockets. libuv 1.44 cannot set SO_REUSEPORT before it binds, so the house does.
enum ListeningSocket {
    /// Connections that the kernel completes before they are accepted; it caps them at
    /// net.core.somaxconn. A fleet that comes back after an outage connects at once.
    static let backlog: Int32 = 1_024

    /// Opens a TCP socket at `endpoint`; a host name is looked up, and its first address taken.
    static func open(
        at endpoint: Endpoint, on loop: Loop, reusePort: Bool, backlog: Int32 = backlog
    ) throws(Fault) -> Int32 {
        let doing = "listening on \(endpoint)"
        let address = try address(of: endpoint, on: loop, doing: doing)
        let socket = try newSocket(address, doing: doing)
        do throws(Fault) {
            try set(socket, SOL_SOCKET, SO_REUSEADDR, 1, doing: doing)
            if reusePort { try set(socket, SOL_SOCKET, SO_REUSEPORT, 1, doing: doing) }
            // So that “::” takes IPv4 as well, whatever the machine's default is.
            if address.family == AF_INET6 {
                try set(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0, doing: doing)
            }
            guard address.withPointer({ bind(socket, $0, $1) }) == 0 else {
                throw Fault.errno(doing)
            }
            guard listen(socket, backlog) == 0 else { throw Fault.errno(doing) }
        } catch {
            close(socket)
            throw error
        }
        return socket
    }

    /// Opens a Unix domain socket at `path`, in the place of one that nobody listens on any more.
    static func open(atPath path: String) throws(Fault) -> Int32 {
        let doing = "listening on \(path)"
        guard let address = SocketAddress(path: path) else {
            throw Fault(
                .invalid,
                "\(doing): a socket's path has 1 to 107 bytes, this one \(path.utf8.count)",
                remedy: "choose a shorter path")
        }
        let socket = try newSocket(address, doing: doing)
        var status = address.withPointer { bind(socket, $0, $1) }
        if status != 0 && errno == EADDRINUSE && isAbandoned(address) {
            unlink(path)
            status = address.withPointer { bind(socket, $0, $1) }
        }
        guard status == 0, listen(socket, backlog) == 0 else {
            let fault = Fault.errno(doing)
            close(socket)
            throw fault
        }
        return socket
    }

    /// The address that a listening socket got.
    static func bound(_ socket: Int32) -> Endpoint {
        SocketAddress { getsockname(socket, $0, $1) }.endpoint
    }

    private static func newSocket(_ address: SocketAddress, doing: String) throws(Fault) -> Int32 {
        let type = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let descriptor = socket(address.family, Int32(type), 0)
        guard descriptor >= 0 else { throw Fault.errno(doing) }
        return descriptor
    }

    private static func set(
        _ socket: Int32, _ level: Int32, _ name: Int32, _ value: Int32, doing: String
    ) throws(Fault) {
        var value = value
        let size = socklen_t(MemoryLayout<Int32>.size)
        guard setsockopt(socket, level, name, &value, size) == 0 else { throw Fault.errno(doing) }
    }

    /// Whether a socket file is there that nobody accepts on.
    private static func isAbandoned(_ address: SocketAddress) -> Bool {
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(probe) }
        return address.withPointer { connect(probe, $0, $1) } != 0 && errno == ECONNREFUSED
    }

    private static func address(
        of endpoint: Endpoint, on loop: Loop, doing: String
    ) throws(Fault) -> SocketAddress {
        if let numeric = SocketAddress(numericHost: endpoint.host, port: endpoint.port) {
            return numeric
        }
        guard let named = try Resolver.resolveNow(endpoint, on: loop).first else {
            throw Fault(
                .invalid, "\(doing): the name has no address", remedy: "give a numeric address")
        }
        return named
    }
}
