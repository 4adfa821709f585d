internal import CLibuv
internal import Glibc
internal import Ground

/// Turns names into addresses on libuv's worker threads.
final class Resolver {
    /// Addresses of one name that are tried; a name with more is a load balancer's, and any of its
    /// first ones will do.
    static let addressLimit = 8

    private let endpoint: Endpoint
    private let loop: Loop
    private let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)
    private var completion: ((Result<[SocketAddress], Fault>) -> Void)?

    private init(
        _ endpoint: Endpoint, loop: Loop,
        completion: ((Result<[SocketAddress], Fault>) -> Void)?
    ) {
        self.endpoint = endpoint
        self.loop = loop
        self.completion = completion
    }

    deinit { request.deallocate() }

    /// Looks `endpoint.host` up; `completion` is called once, later, on the loop.
    static func resolve(
        _ endpoint: Endpoint, on loop: Loop,
        completion: @escaping (Result<[SocketAddress], Fault>) -> Void
    ) {
        let resolver = Resolver(endpoint, loop: loop, completion: completion)
        let status = resolver.start { request, status, _ in
            let resolver = Unmanaged<Resolver>.fromOpaque(request!.pointee.data).takeRetainedValue()
            resolver.finish(status)
        }
        guard status != 0 else { return }
        loop.schedule(after: .zero) { resolver.finish(status) }
    }

    /// Looks `endpoint.host` up and waits for it: for a listener's own name, at start.
    static func resolveNow(
        _ endpoint: Endpoint, on loop: Loop
    ) throws(Fault) -> [SocketAddress] {
        let resolver = Resolver(endpoint, loop: loop, completion: nil)
        return try resolver.result(resolver.start(nil)).get()
    }

    private func start(_ callback: uv_getaddrinfo_cb?) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        let retained = Unmanaged.passRetained(self)
        request.pointee.data = retained.toOpaque()
        let status = uv_getaddrinfo(loop.uv, request, callback, endpoint.host, nil, &hints)
        if status != 0 || callback == nil { retained.release() }
        return status
    }

    private func finish(_ status: Int32) {
        let completion = completion
        self.completion = nil
        completion?(result(status))
    }

    private func result(_ status: Int32) -> Result<[SocketAddress], Fault> {
        guard status == 0 else {
            return .failure(
                Fault(
                    .unavailable, "looking up \(endpoint.host) failed with \(uvText(status))",
                    remedy: "check the name and the resolver", retry: .elsewhere))
        }
        let first = request.pointee.addrinfo
        defer { uv_freeaddrinfo(first) }
        var addresses: [SocketAddress] = []
        var next = first
        while let entry = next, addresses.count < Self.addressLimit {
            if let raw = entry.pointee.ai_addr,
                let address = SocketAddress(copying: raw, port: endpoint.port)
            {
                addresses.append(address)
            }
            next = entry.pointee.ai_next
        }
        return .success(addresses)
    }
}
