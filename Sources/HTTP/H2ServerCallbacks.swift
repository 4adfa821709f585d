internal import CNghttp2
internal import Ground

/// nghttp2's table of callbacks, made once.
struct H2Callbacks: @unchecked Sendable {
    let pointer: OpaquePointer

    init(_ fill: (OpaquePointer) -> Void) {
        var table: OpaquePointer?
        // It fails only when there is no memory for 200 bytes.
        nghttp2_session_callbacks_new(&table)
        pointer = table!
        fill(pointer)
    }
}

/// Gives the server to `body` without counting a reference: who called nghttp2 holds it.
@inline(__always)
private func with<R>(_ user: UnsafeMutableRawPointer?, _ body: (H2Server) -> R) -> R {
    Unmanaged<H2Server>.fromOpaque(user!)._withUnsafeGuaranteedRef(body)
}

extension H2Server {
    static let callbacks = H2Callbacks { table in
        nghttp2_session_callbacks_set_on_begin_headers_callback(table) { _, frame, user in
            with(user) { $0.beginHeaders(frame!) }
        }
        nghttp2_session_callbacks_set_on_header_callback(table) {
            _, frame, name, nameLength, value, valueLength, _, user in
            with(user) {
                $0.header(frame!, buffer(name, nameLength), buffer(value, valueLength))
            }
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) {
            session, _, stream, data, length, user in
            call(session, stream)?.received(buffer(data, length))
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(table) { session, frame, user in
            with(user) { $0.frameCame(frame!) }
            return 0
        }
        // Each is answered with a frame that waits until it is read.
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(table) { _, _, _, user in
            with(user) { $0.mischief += 1 }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(table) { session, frame, user in
            with(user) { $0.frameLeft(frame!) }
            return 0
        }
        nghttp2_session_callbacks_set_send_data_callback(table) {
            _, _, header, length, source, user in
            let call = Unmanaged<ServerCall>.fromOpaque(source!.pointee.ptr).takeUnretainedValue()
            with(user) { $0.emitData(call, header!, length) }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(table) {
            session, stream, error, user in
            if let place = call(session, stream)?.place {
                with(user) { $0.streamClosed(at: place, error) }
            }
            return 0
        }
    }

    static func options(_ limits: HTTPLimits) -> OpaquePointer? {
        var options: OpaquePointer?
        nghttp2_option_new(&options)
        nghttp2_option_set_no_closed_streams(options, 1)
        nghttp2_option_set_max_continuations(options, limits.continuations)
        nghttp2_option_set_stream_reset_rate_limit(
            options, UInt64(limits.resetBurst), UInt64(limits.resetRate))
        return options
    }

    private static func call(_ session: OpaquePointer?, _ stream: Int32) -> ServerCall? {
        guard let pointer = nghttp2_session_get_stream_user_data(session, stream) else {
            return nil
        }
        return Unmanaged<ServerCall>.fromOpaque(pointer).takeUnretainedValue()
    }

    private func beginHeaders(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        headUnderWay = true
        if frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
            head.reset()
        }
        return 0
    }

    private func header(
        _ frame: UnsafePointer<nghttp2_frame>, _ name: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer
    ) -> Int32 {
        // Trailers of a request say nothing that we need.
        guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
        guard name.first == UInt8(ascii: ":") else {
            head.add(name, value, most: limits.headers)
            return 0
        }
        if name.says(":path") {
            head.setTarget(value, most: limits.target, cache: paths)
        } else if name.says(":method") {
            head.method = ServerCall.Method(value)
        } else if name.says(":authority") && value.count <= limits.target {
            head.headers.append(name, value)
        }
        return 0
    }

    private func frameCame(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = frame.pointee.hd
        switch header.type {
        case Frame.headers:
            headUnderWay = false
            if frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST { begin(header.stream_id) }
            if header.flags & Frame.endStream != 0 { remoteEnded(header.stream_id) }
        case Frame.data:
            if header.flags & Frame.endStream != 0 {
                remoteEnded(header.stream_id)
            } else if header.length == 0 {
                mischief += 1
            }
        case Frame.ping, Frame.settings:
            // A client's first frame: its opening is whole.
            headUnderWay = false
            if header.flags & Frame.ack == 0 { mischief += 1 }
        case Frame.priority, Frame.reset: mischief += 1
        default: break
        }
    }

    private func begin(_ stream: Int32) {
        head.complete()
        let call = server.makeCall(&head, carrier: self)
        call.stream = stream
        call.place = open.count
        open.append(call)
        nghttp2_session_set_stream_user_data(
            session, stream, Unmanaged.passUnretained(call).toOpaque())
        call.start(service)
    }

    private func remoteEnded(_ stream: Int32) {
        guard let call = H2Server.call(session, stream) else { return }
        call.remoteIsDone = true
        call.ended()
    }

    /// Once the answer is out, a client that goes on sending is told to stop: a gRPC client at
    /// once, others at the second sweep, since curl drops an answer whose stream ends under its
    /// upload.
    private func frameLeft(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = frame.pointee.hd
        guard header.flags & Frame.endStream != 0,
            header.type == Frame.headers || header.type == Frame.data,
            let call = H2Server.call(session, header.stream_id), !call.remoteIsDone
        else { return }
        call.answeredFor = 0
        if call.isGRPC { stop(call) }
    }

    private func streamClosed(at place: Int, _ error: UInt32) {
        open.swapAt(place, open.count - 1)
        var call = open.removeLast()
        if place < open.count { open[place].place = place }
        call.abandon(Self.cancelled(error))
        server.keep(&call)
    }

    /// What a handler hears of a stream that its client ended.
    private static func cancelled(_ error: UInt32) -> Fault {
        guard error != 0 else {
            return Fault(.cancelled, "the client ended the call", source: .client)
        }
        return Fault(
            .cancelled, "the client cancelled the call (HTTP/2 error \(error))", source: .client)
    }
}

extension ServerCall.Method {
    init(_ bytes: UnsafeRawBufferPointer) {
        if bytes.says("POST") {
            self = .post
        } else if bytes.says("GET") {
            self = .get
        } else if bytes.says("HEAD") {
            self = .head
        } else if bytes.says("PUT") {
            self = .put
        } else if bytes.says("DELETE") {
            self = .delete
        } else if bytes.says("PATCH") {
            self = .patch
        } else if bytes.says("OPTIONS") {
            self = .options
        } else {
            self = .other
        }
    }
}
