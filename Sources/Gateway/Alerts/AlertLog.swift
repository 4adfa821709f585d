import Alerts
import Logging

/// Alerts as lines of the node's log: the sink that every node has.
enum AlertLog {
    static func write(_ alert: Alert, to log: Logger) {
        switch alert.content {
        case .detection(let detection):
            var metadata: Logger.Metadata = [
                "alert": "\(alert.id)", "task": "\(detection.task)", "label": "\(detection.label)",
                "confidence": "\(Decimals.three(detection.confidence))",
            ]
            if let stream = detection.stream { metadata["stream"] = "\(stream)" }
            if let number = detection.sequence { metadata["sequence"] = "\(number)" }
            log.notice("alert: \(detection.task) shows \(detection.label)", metadata: metadata)
        case .condition(let report):
            let what = report.subject.isEmpty ? "" : " (\(report.subject))"
            switch report.state {
            case .raised:
                log.warning(
                    "alert: \(report.condition)\(what)", metadata: ["alert": "\(alert.id)"])
            case .cleared:
                log.notice(
                    "alert over: \(report.condition)\(what)", metadata: ["alert": "\(alert.id)"])
            }
        }
    }
}
