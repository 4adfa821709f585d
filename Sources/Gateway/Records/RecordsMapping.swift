import Ground
import Records
import Wire

extension RecordQuery {
    /// Records of a page when nobody says how many.
    private static let standardLimit = 100

    /// What the wire's message asks.
    ///
    /// - Throws: `invalid` for words that mean nothing here.
    init(_ query: RecordsQuery) throws(Fault) {
        self.init()
        from = query.from.nanoseconds == 0 ? nil : query.from
        until = query.until.nanoseconds == 0 ? nil : query.until
        (site, node, task, stream) = (query.site, query.node, query.task, query.stream)
        label = query.label
        if !query.tier.isEmpty {
            tier = try Self.word(
                Tier(rawValue: query.tier), query.tier, Tier.allCases.map(\.rawValue))
        }
        (leastConfidence, mostConfidence) = (query.leastConfidence, query.mostConfidence)
        if !query.truth.isEmpty {
            truth = try Self.word(
                Truth(rawValue: query.truth), query.truth, Truth.allCases.map(\.rawValue))
        }
        (losers, withFrame) = (query.losers, query.withFrame)
        if !query.after.isEmpty {
            guard let cursor = Cursor(text: query.after) else {
                throw Fault(
                    .invalid, "“\(query.after.prefix(60))” is no place in the records",
                    source: .client, remedy: "give `next` of the page before, or nothing")
            }
            after = cursor
        }
        limit = query.limit == 0 ? Self.standardLimit : query.limit
    }

    private static func word<Value>(
        _ value: Value?, _ word: String, _ known: [String]
    ) throws(Fault) -> Value {
        if let value { return value }
        throw Fault(
            .invalid, "“\(word.prefix(60))” is not known", source: .client,
            remedy: "say one of \(known.joined(separator: ", "))")
    }
}

extension StoredRecord {
    init(_ row: RecordRow) {
        self.init()
        let answer = row.answer
        (id, won, site) = (row.key.description, row.won, row.origin.site)
        (task, stream, sequence) = (
            answer.task, answer.frame?.stream ?? "", answer.frame?.sequence
        )
        (tier, node) = (answer.tier?.rawValue ?? "", answer.node)
        (bundle, label) = (answer.bundle?.description ?? "", answer.label)
        (confidence, accepted, degraded) = (answer.confidence, answer.accepted, answer.degraded)
        (approved, capturedAt, answeredAt) = (answer.approved, answer.capturedAt, answer.answeredAt)
        (receivedAt, latency, request) = (row.received, answer.latency, answer.request)
        trace = Hexadecimal.text(answer.trace)
        (truth, frame) = (row.truth, row.payload?.description ?? "")
        (sender, queue, record) = (row.origin.node, row.origin.queue.rawValue, row.sequence)
        clock = row.clock
    }
}

extension RecordStatsReply {
    init(_ stats: RecordStats, _ accuracy: [Accuracy]) {
        self.init()
        (frames, answers, labelled) = (stats.frames, stats.answers, stats.labelled)
        (waitingLabels, payloads) = (stats.waitingLabels, stats.payloads)
        (payloadBytes, indexBytes) = (stats.payloadBytes, stats.indexBytes)
        origins = stats.origins.map { one in
            var origin = RecordOrigin()
            (origin.site, origin.node) = (one.origin.site, one.origin.node)
            (origin.epoch, origin.queue) = (one.origin.epoch, one.origin.queue.rawValue)
            (origin.watermark, origin.taken) = (one.watermark, one.taken)
            (origin.duplicates, origin.lost, origin.heard) = (one.duplicates, one.lost, one.heard)
            return origin
        }
        self.accuracy = accuracy.flatMap { group in
            group.classes.map { one in
                var line = ClassAccuracy()
                (line.task, line.bundle) = (group.task, group.bundle?.description ?? "")
                (line.tier, line.truth) = (group.tier?.rawValue ?? "", one.truth)
                (line.right, line.total) = (one.right, one.total)
                return line
            }
        }
    }
}

/// Bytes as lower-case hexadecimal digits.
enum Hexadecimal {
    static func text(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
