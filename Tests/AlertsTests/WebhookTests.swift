import Ground
import HTTP
import Testing

@testable import Alerts

/// The receiving end of one request: answers what a test says once the request is whole.
private final class TestReceiver: Transport {
    var receiver: (any TransportReceiver)?
    var peer: Endpoint { Endpoint(host: "hook", port: 80) }
    var unsent: Int { 0 }
    private(set) var request = ""
    private let answer: String?

    init(_ answer: String?) { self.answer = answer }

    func send(_ bytes: [Bytes]) {
        for piece in bytes { request += String(decoding: piece.array, as: UTF8.self) }
        guard let answer else { return }
        Array(answer.utf8).withUnsafeBytes { receiver?.received($0) }
    }
    func setReading(_ on: Bool) {}
    func close(abruptly: Bool) { receiver = nil }

    /// The ids of the alerts in the request's body.
    var ids: [String] {
        guard let start = request.range(of: "\r\n\r\n"),
            case .object(let body)? = try? JSON(
                parsing: Array(request[start.upperBound...].utf8), place: "the body"),
            body["schema"] == .string("canopy.alerts/1"),
            case .array(let alerts)? = body["alerts"]
        else { return [] }
        return alerts.compactMap { alert in
            if case .object(let members) = alert, case .string(let id)? = members["id"] {
                id
            } else {
                nil
            }
        }
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) {
                return start..<index(start, offsetBy: text.count)
            }
            start = index(after: start)
        }
        return nil
    }
}

/// Everything is in memory: a channel with a webhook, and a server that answers in turn.
private final class Scene {
    let network = TestNetwork()
    var answers: [String?]
    private(set) var receivers: [TestReceiver] = []
    private(set) var news: [String] = []
    var token = "first"
    private(set) var channel: Channel!

    init(_ answers: [String?], hasToken: Bool = false) {
        self.answers = answers
        network.onConnect = { [unowned self] in
            guard !self.answers.isEmpty else { return .failure(.test) }
            let receiver = TestReceiver(self.answers.removeFirst())
            receivers.append(receiver)
            return .success(receiver)
        }
        let hook = Webhook(
            Endpoint(host: "hook", port: 80), path: "/in", on: network,
            secure: { () throws(Fault) in nil },
            readToken: hasToken ? { [unowned self] in $0(.success(token)) } : nil)
        channel = Channel("hook", to: hook, queue: 100, on: network, seed: 1) { [unowned self] in
            switch $0 {
            case .delivered(let alert, _): news.append("delivered \(alert.number!)")
            case .failing: news.append("failing")
            case .recovered: news.append("recovered")
            case .refused(let id, _): news.append("refused \(id)")
            }
        }
        channel.open()
    }

    // Each request has a connection of its own here, so that it is told from the others.
    static let fine = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"

    static func status(_ status: Int, _ header: String = "") -> String {
        "HTTP/1.1 \(status) No\r\n\(header)connection: close\r\ncontent-length: 0\r\n\r\n"
    }
}

@Suite struct WebhookTests {
    @Test func `An alert is posted as JSON, and 2xx means that it has arrived`() {
        let scene = Scene([Scene.fine])
        scene.channel.post(.numbered(1))
        let request = scene.receivers[0].request
        #expect(request.hasPrefix("POST /in HTTP/1.1\r\nhost: hook:80\r\n"))
        #expect(request.contains("\r\ncontent-type: application/json\r\n"))
        #expect(!request.contains("authorization"))
        #expect(scene.receivers[0].ids == ["leaf/meter/cam/1"])
        #expect(scene.news == ["delivered 1"])
    }

    @Test func `A receiver that keeps its connection open is connected to once`() {
        let scene = Scene(["HTTP/1.1 204 No Content\r\n\r\n"])
        for number in 1...20 { scene.channel.post(.numbered(number)) }
        #expect(scene.receivers.count == 1)
        #expect(scene.news == (1...20).map { "delivered \($0)" })
    }

    @Test(arguments: [408, 429, 500, 503])
    func `What may pass is tried again with the same id`(_ status: Int) {
        let scene = Scene([Scene.status(status), Scene.fine])
        scene.channel.post(.numbered(1))
        #expect(scene.news == ["failing"] && scene.receivers.count == 1)
        scene.network.advance(.seconds(1))
        #expect(scene.receivers.map(\.ids) == [["leaf/meter/cam/1"], ["leaf/meter/cam/1"]])
        #expect(scene.news == ["failing", "recovered", "delivered 1"])
    }

    @Test func `A receiver that asks for patience gets it`() {
        let scene = Scene([Scene.status(503, "retry-after: 60\r\n"), Scene.fine])
        scene.channel.post(.numbered(1))
        scene.network.advance(.seconds(59))
        #expect(scene.receivers.count == 1)
        scene.network.advance(.seconds(2))
        #expect(scene.receivers.count == 2 && scene.news.last == "delivered 1")
    }

    @Test(arguments: [301, 400, 404, 413])
    func `What will never be taken is given up, and the next alert tells of it`(_ status: Int) {
        let scene = Scene([Scene.status(status), Scene.fine])
        scene.channel.post(.numbered(1))
        #expect(scene.news == ["refused leaf/meter/cam/1"])
        scene.channel.post(.numbered(2))
        #expect(scene.receivers[1].request.contains("\"lost\":1"))
        #expect(scene.channel.counts.refused == 1 && scene.channel.counts.delivered == 1)
    }

    @Test func `A receiver that is silent is given up after ten seconds, and asked again`() {
        let scene = Scene([nil, Scene.fine])
        scene.channel.post(.numbered(1))
        scene.network.advance(.seconds(9))
        #expect(scene.news.isEmpty)
        scene.network.advance(.seconds(2))
        #expect(scene.news == ["failing", "recovered", "delivered 1"])
    }

    @Test func `A server that cannot be reached is asked again and again`() {
        let scene = Scene([])
        scene.channel.post(.numbered(1))
        scene.network.advance(.seconds(60))
        #expect(scene.news == ["failing"] && scene.channel.counts.retried >= 6)
        scene.answers = [Scene.fine]
        scene.network.advance(.seconds(30))
        #expect(scene.news.last == "delivered 1")
    }

    @Test func `What comes while a request is under way is the next request, in order`() {
        let scene = Scene([nil, Scene.fine, Scene.fine])
        scene.channel.post(.numbered(1))
        for number in 2...4 { scene.channel.post(.numbered(number)) }
        #expect(scene.receivers.count == 1)
        scene.network.advance(.seconds(20))
        let ids = (1...4).map { "leaf/meter/cam/\($0)" }
        #expect(scene.receivers.map(\.ids) == [[ids[0]], ids])
    }

    @Test func `A token that was replaced is read again; one that is wrong is a refusal`() {
        let scene = Scene(
            [Scene.fine, Scene.status(401), Scene.fine, Scene.status(403)], hasToken: true)
        scene.channel.post(.numbered(1))
        #expect(scene.receivers[0].request.contains("\r\nauthorization: Bearer first\r\n"))
        scene.token = "second"
        scene.channel.post(.numbered(2))
        scene.network.advance(.seconds(1))
        #expect(scene.receivers[2].request.contains("Bearer second"))
        #expect(scene.news == ["delivered 1", "failing", "recovered", "delivered 2"])
        scene.channel.post(.numbered(3))
        #expect(scene.news.last == "refused leaf/meter/cam/3")
    }
}
