internal import CNghttp2
internal import Ground

extension H2Server {
    /// Gives nghttp2 the beginning of an answer; its body is pulled by `nextData` and `emitData`.
    func submit(_ call: ServerCall) {
        switch call.opening {
        case .messages:
            var source = provider(call)
            let fields = StaticHeaders.grpcAnswer
            nghttp2_submit_response(session, call.stream, fields.pointer, fields.count, &source)
        case .none:
            var list = HeaderList()
            list.add(":status", "200")
            list.add("content-type", "application/grpc")
            list.add("grpc-accept-encoding", "identity,deflate,gzip")
            (call.status ?? .ok).add(to: &list)
            list.withFields { _ = nghttp2_submit_response(session, call.stream, $0, $1, nil) }
        case .rest(let status, let headers):
            submit(call, status: status, headers: headers)
        }
    }

    private func submit(_ call: ServerCall, status: Int, headers: [(String, String)]) {
        var list = HeaderList()
        list.add(":status", "\(status)")
        for (name, value) in headers { list.add(name, value) }
        if status != 204 && status != 304 { list.add("content-length", "\(call.outbox.count)") }
        if call.method == .head { call.outbox.clear() }
        var source = provider(call)
        let hasBody = call.outbox.count > 0
        list.withFields { fields, count in
            if hasBody {
                _ = nghttp2_submit_response(session, call.stream, fields, count, &source)
            } else {
                _ = nghttp2_submit_response(session, call.stream, fields, count, nil)
            }
        }
    }

    private func provider(_ call: ServerCall) -> nghttp2_data_provider {
        var source = nghttp2_data_provider()
        // The call is in `open` for as long as its stream lives.
        source.source.ptr = Unmanaged.passUnretained(call).toOpaque()
        source.read_callback = { session, stream, _, length, flags, source, _ in
            let call = Unmanaged<ServerCall>.fromOpaque(source!.pointee.ptr).takeUnretainedValue()
            return H2Server.nextData(call, session, room: length, flags!)
        }
        return source
    }

    /// Says how many bytes the next DATA frame has; they are written by `emitData`.
    private static func nextData(
        _ call: ServerCall, _ session: OpaquePointer?, room: Int,
        _ flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        let ready = call.outbox.count
        let isLast = call.outbox.isEnded && ready <= room
        if ready == 0 && !isLast { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if isLast {
            flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
            if call.isGRPC {
                flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                submitTrailers(call, session)
            }
        }
        return min(ready, room)
    }

    private static func submitTrailers(_ call: ServerCall, _ session: OpaquePointer?) {
        let status = call.status ?? .ok
        if status.code == .ok && status.message.isEmpty {
            let fields = StaticHeaders.grpcOK
            nghttp2_submit_trailer(session, call.stream, fields.pointer, fields.count)
        } else {
            var list = HeaderList()
            status.add(to: &list)
            list.withFields { _ = nghttp2_submit_trailer(session, call.stream, $0, $1) }
        }
    }

    /// Writes a DATA frame: its nine bytes of header, then the bytes that `nextData` promised.
    func emitData(_ call: ServerCall, _ header: UnsafePointer<UInt8>, _ length: Int) {
        guard let cork else { return }
        cork.append(copying: buffer(header, 9))
        call.outbox.emit(length, into: cork)
        call.stuck = 0
        call.handler?.advanced()
    }
}
