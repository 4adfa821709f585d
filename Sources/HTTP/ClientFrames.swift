internal import CNghttp2
internal import Ground

private func connection(_ user: UnsafeMutableRawPointer?) -> ClientConnection {
    Unmanaged<ClientConnection>.fromOpaque(user!).takeUnretainedValue()
}

// What nghttp2 and a client's calls say to each other.
extension ClientConnection {
    static let callbacks = H2Callbacks { table in
        nghttp2_session_callbacks_set_on_header_callback(table) {
            session, frame, name, nameLength, value, valueLength, _, user in
            if let call = call(session, frame!.pointee.hd.stream_id) {
                connection(user).header(
                    call, buffer(name, nameLength), buffer(value, valueLength))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) {
            session, _, stream, data, length, user in
            let pool = connection(user).pool
            call(session, stream)?.received(buffer(data, length), pool.limits, pool.allocator)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(table) { session, frame, user in
            let header = frame!.pointee.hd
            if header.type == Frame.goAway { connection(user).isLeaving = true }
            guard header.type == Frame.headers || header.type == Frame.data,
                header.flags & Frame.endStream != 0
            else { return 0 }
            call(session, header.stream_id)?.answerEnded()
            return 0
        }
        nghttp2_session_callbacks_set_send_data_callback(table) {
            _, _, header, length, source, user in
            let call = Unmanaged<ClientCall>.fromOpaque(source!.pointee.ptr).takeUnretainedValue()
            if let cork = connection(user).cork {
                cork.append(copying: buffer(header!, 9))
                call.outbox.emit(length, into: cork)
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(table) {
            session, stream, error, user in
            call(session, stream)?.reset(error)
            let connection = connection(user)
            if !connection.leaving.isEmpty { connection.leaving[stream] = nil }
            return 0
        }
    }

    private static func call(_ session: OpaquePointer?, _ stream: Int32) -> ClientCall? {
        guard let pointer = nghttp2_session_get_stream_user_data(session, stream) else { return nil }
        return Unmanaged<ClientCall>.fromOpaque(pointer).takeUnretainedValue()
    }

    private func header(
        _ call: ClientCall, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) {
        if name.says(":status") {
            call.httpStatus = Int(String(decoding: value, as: UTF8.self)) ?? 0
            return
        }
        guard call.answer.size + name.count + value.count <= pool.limits.headers else {
            return call.end(
                Fault(
                    .exhausted, "the headers of the answer to \(call.path) have more than "
                        + "\(pool.limits.headers) bytes", source: .peer))
        }
        call.answer.append(name, value)
    }

    func submitTouched() {
        for call in touchedCalls {
            call.isTouched = false
            guard call.isOpen else { continue }
            if call.isSubmitted {
                nghttp2_session_resume_data(session, call.stream)
            } else {
                submit(call)
            }
        }
        touchedCalls.removeAll(keepingCapacity: true)
    }

    private func submit(_ call: ClientCall) {
        var list = HeaderList()
        list.add(":method", "POST")
        list.add(":scheme", secure == nil ? "http" : "https")
        list.add(":path", call.path)
        list.add(":authority", pool.authority)
        list.add("te", "trailers")
        list.add("content-type", "application/grpc")
        list.add("user-agent", "canopy")
        if let deadline = call.deadline {
            list.add("grpc-timeout", GRPCTimeout.format(deadline - pool.now))
        }
        for (name, value) in call.headers { list.add(name, value) }
        var source = nghttp2_data_provider()
        source.source.ptr = Unmanaged.passUnretained(call).toOpaque()
        source.read_callback = { _, _, _, length, flags, source, _ in
            let call = Unmanaged<ClientCall>.fromOpaque(source!.pointee.ptr).takeUnretainedValue()
            return ClientConnection.nextData(call, room: length, flags!)
        }
        let stream = list.withFields { fields, count in
            nghttp2_submit_request(
                session, nil, fields, count, &source, Unmanaged.passUnretained(call).toOpaque())
        }
        guard stream > 0 else {
            isLeaving = true
            return call.end(
                Fault(
                    .unavailable, "the connection to \(pool.endpoint) has no streams left",
                    retry: .elsewhere))
        }
        call.stream = stream
        call.isSubmitted = true
    }

    private static func nextData(
        _ call: ClientCall, room: Int, _ flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        let ready = call.outbox.count
        let isLast = call.outbox.isEnded && ready <= room
        if ready == 0 && !isLast { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if isLast {
            flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
            call.requestIsOut = true
        }
        return min(ready, room)
    }
}
