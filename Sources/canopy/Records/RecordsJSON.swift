import Ground
import Wire

extension StoredRecord {
    /// As `canopy records --json` prints it; times are nanoseconds since 1970.
    var json: JSON {
        .object([
            "record": .string(id), "won": .bool(won), "site": .string(site),
            "task": .string(task), "stream": .string(stream),
            "sequence": sequence.map { .integer(Int(clamping: $0)) } ?? .null,
            "tier": .string(tier), "node": .string(node), "bundle": .string(bundle),
            "label": .string(label), "confidence": confidence.map(JSON.real) ?? .null,
            "accepted": .bool(accepted), "degraded": .string(degraded),
            "approved": .bool(approved),
            "captured_at": capturedAt.map { .integer(Int($0.nanoseconds)) } ?? .null,
            "answered_at": .integer(Int(answeredAt.nanoseconds)),
            "received_at": .integer(Int(receivedAt.nanoseconds)),
            "latency_us": .integer(Int(latency.nanoseconds / 1000)), "trace": .string(trace),
            "request": .string(request), "truth": truth.map(JSON.string) ?? .null,
            "frame": .string(frame), "sender": .string(sender), "queue": .string(queue),
            "sender_sequence": .integer(Int(clamping: self.record)),
            "clock": .integer(Int(clamping: clock)),
        ])
    }
}

extension RecordStatsReply {
    /// As `canopy records --stats --json` prints it.
    var json: JSON {
        .object([
            "node": .string(node), "frames": .integer(frames), "answers": .integer(answers),
            "labelled": .integer(labelled), "waiting_labels": .integer(waitingLabels),
            "payloads": .integer(payloads), "payload_bytes": .integer(payloadBytes),
            "index_bytes": .integer(indexBytes), "origins": .array(origins.map(\.json)),
            "accuracy": .array(accuracy.map(\.json)),
        ])
    }
}

extension RecordOrigin {
    fileprivate var json: JSON {
        .object([
            "site": .string(site), "node": .string(node), "queue": .string(queue),
            "epoch": .string(String(epoch, radix: 16)),
            "watermark": .integer(Int(clamping: watermark)), "taken": .integer(taken),
            "duplicates": .integer(duplicates), "lost": .integer(lost),
            "heard": .integer(Int(heard.nanoseconds)),
        ])
    }
}

extension ClassAccuracy {
    fileprivate var json: JSON {
        .object([
            "task": .string(task), "bundle": .string(bundle), "tier": .string(tier),
            "truth": .string(truth), "right": .integer(right), "total": .integer(total),
        ])
    }
}
