internal import Ground

/// The receiving half of a call: what has come of its message or body, and how fast.
struct Intake {
    var deframer = Deframer()
    var body = BodyBuffer()
    /// A body or message has begun and is not whole.
    private(set) var isUnderWay = false
    /// The first message of a gRPC call is due.
    var owesMessage = false
    /// Most bytes of a REST body.
    var bodyLimit = 0
    /// Nothing more is taken.
    private(set) var isClosed = false
    /// Sweeps and bytes since the body or message began.
    var sweeps = 0
    var bytes = 0

    mutating func setUnderWay(_ now: Bool, _ carrier: any CallCarrier) {
        if now == isUnderWay { return }
        isUnderWay = now
        (sweeps, bytes) = (0, 0)
        carrier.bodiesUnderWay += now ? 1 : -1
    }

    mutating func close(_ carrier: any CallCarrier) {
        if isClosed { return }
        setUnderWay(false, carrier)
        isClosed = true
        deframer = Deframer()
        body = BodyBuffer()
    }
}

extension ServerCall {
    /// Hands the call to the service, or refuses it for what its head says.
    func start(_ service: any Service) {
        guard let carrier else { return }
        if let refusal = head.refusal { return refuse(refusal, status: head.refusalStatus) }
        let bounds = carrier.bounds
        let stated = isGRPC ? 0 : head.contentLength ?? 0
        if stated > bounds.limit {
            return refuse(tooLarge(stated, limit: bounds.limit, "body"), status: 413)
        }
        let handler = service.begin(self)
        guard isOpen else { return }
        self.handler = handler
        if isGRPC {
            intake.owesMessage = !handler.isStream
            return intake.setUnderWay(intake.owesMessage, carrier)
        }
        intake.bodyLimit = min(bounds.limit, handler.bodyLimit)
        if let length = head.contentLength {
            do throws(Fault) {
                try intake.body.expect(
                    length, limit: intake.bodyLimit, allocator: bounds.budget,
                    retryHint: bounds.retryHint)
            } catch {
                return refuse(error, status: length > intake.bodyLimit ? 413 : nil)
            }
        }
        intake.setUnderWay(true, carrier)
    }

    /// Body bytes came; the memory is valid during the call.
    func received(_ chunk: UnsafeRawBufferPointer) {
        guard !intake.isClosed, let carrier else { return }
        do throws(Fault) {
            if isGRPC {
                try deframe(chunk, carrier)
            } else {
                intake.bytes += chunk.count
                let bounds = carrier.bounds
                try intake.body.append(
                    chunk, limit: intake.bodyLimit, allocator: bounds.budget,
                    retryHint: bounds.retryHint)
            }
        } catch {
            refuse(error, status: error.retry == .never ? 413 : nil)
        }
    }

    private func deframe(
        _ chunk: UnsafeRawBufferPointer, _ carrier: any CallCarrier
    ) throws(Fault) {
        var rest = chunk
        let bounds = carrier.bounds
        while !intake.isClosed {
            let event = try intake.deframer.next(
                &rest, limit: bounds.limit, allocator: bounds.budget, retryHint: bounds.retryHint)
            switch event {
            case .needsMore:
                intake.setUnderWay(intake.deframer.isMidway || intake.owesMessage, carrier)
                intake.bytes = intake.deframer.received
                return
            case .message(let bytes, let isCompressed):
                intake.owesMessage = false
                intake.setUnderWay(false, carrier)
                let plain = isCompressed ? try inflated(bytes, bounds) : bytes
                handler?.message(plain)
            }
        }
    }

    private func inflated(_ bytes: Bytes, _ bounds: MessageBounds) throws(Fault) -> Bytes {
        switch head.coding {
        case .gzip, .deflate:
            return try Inflater.inflate(
                bytes, limit: bounds.limit, allocator: bounds.budget,
                retryHint: bounds.retryHint)
        case .identity:
            throw Fault(
                .inner, "a compressed message came, but grpc-encoding names no compression",
                source: .client)
        case .unknown:
            throw Fault(
                .unsupported, "the message's grpc-encoding is not known", source: .client,
                remedy: "use gzip, deflate or identity")
        }
    }

    /// The client has sent everything.
    func ended() {
        guard !intake.isClosed, let carrier else { return }
        if isGRPC {
            if intake.deframer.isMidway {
                return refuse(
                    Fault(
                        .invalid,
                        "the stream ended inside a message, after "
                            + "\(intake.deframer.received) bytes of it", source: .client))
            }
        } else {
            intake.setUnderWay(false, carrier)
            var whole = intake.body.take()
            if head.coding != .identity && whole.count > 0 {
                do throws(Fault) {
                    whole = try inflated(whole, carrier.bounds)
                } catch {
                    return refuse(error)
                }
            }
            handler?.message(whole)
        }
        handler?.halfClosed()
        if !intake.isClosed { intake.close(carrier) }
    }

    /// Frees what a slow sender holds. Called once a sweep.
    func sweep(_ limits: HTTPLimits) {
        guard intake.isUnderWay else { return }
        intake.sweeps += 1
        if intake.sweeps > limits.sweeps(limits.requestTime) {
            refuse(
                Fault(
                    .deadline, "the body was not whole after \(limits.requestTime.seconds) s",
                    source: .client), status: 408)
            return
        }
        guard intake.sweeps > limits.sweeps(limits.minimumRateGrace) else { return }
        let elapsed = Double(intake.sweeps) * limits.sweep.seconds
        if Double(intake.bytes) < elapsed * Double(limits.minimumRate) {
            refuse(
                Fault(
                    .deadline, "the body came slower than \(limits.minimumRate) bytes a second",
                    source: .client), status: 408)
        }
    }
}
