public import Ground

/// How to reach an MQTT broker, and what to publish under.
public struct BrokerSettings: Sendable {
    public var endpoint: Endpoint
    public var tls: Bool
    /// PEM file of the authorities that are believed; `nil` is the machine's own.
    public var authority: String?
    /// What the broker knows this connection by; a second one of the same name ends the first.
    public var client: String
    /// What all topics begin with: detections go to `topic/detection/TASK`, conditions to
    /// `topic/operator/CONDITION`.
    public var topic: String
    public var user: String?
    /// Reads the password; called on the connection's own thread, for each connection.
    public var password: (@Sendable () throws(Fault) -> String)?

    public init(_ endpoint: Endpoint, tls: Bool, client: String, topic: String) {
        self.endpoint = endpoint
        self.tls = tls
        self.client = client
        self.topic = topic
    }

    /// Where an alert is published.
    func topic(of alert: Alert) -> String {
        switch alert.content {
        case .detection(let detection): "\(topic)/detection/\(detection.task)"
        case .condition(let report): "\(topic)/operator/\(report.condition)"
        }
    }
}
