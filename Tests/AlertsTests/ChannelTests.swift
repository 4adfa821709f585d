import Ground
import Testing

@testable import Alerts

/// A sink that does what a test says, and remembers what it was sent.
private final class TestSink: AlertSink {
    let window = 4
    let inBatches = false
    var hear: ((SinkEvent) -> Void)?
    var sent: [Outbox.Letter] = []

    func open(_ hear: @escaping (SinkEvent) -> Void) { self.hear = hear }
    func send(_ letters: [Outbox.Letter]) { sent += letters }
    func close() { hear = nil }

    /// Says that all of it has arrived.
    func answer() {
        let letters = sent
        sent = []
        for letter in letters { hear?(.delivered(letter.number)) }
    }
}

@Suite struct ChannelTests {
    private final class Story {
        var lines: [String] = []
    }

    private let network = TestNetwork()
    private let sink = TestSink()
    private let story = Story()

    private func channel() -> Channel {
        let story = story
        let channel = Channel("test", to: sink, queue: 16, on: network, seed: 1) { news in
            switch news {
            case .delivered(let alert, let after):
                story.lines.append("\(alert.number!) after \(after.milliseconds) ms")
            case .failing: story.lines.append("failing")
            case .recovered: story.lines.append("recovered")
            case .refused(let id, _): story.lines.append("refused \(id)")
            }
        }
        channel.open()
        return channel
    }

    @Test func `An alert is sent at once, and its time is that from the frame's arrival`() {
        let channel = channel()
        sink.hear?(.opened)
        channel.post(.numbered(7, since: network.clock.now))
        #expect(sink.sent.map(\.alert.number) == [7])
        network.advance(.milliseconds(3))
        sink.answer()
        #expect(story.lines == ["7 after 3.0 ms"] && channel.depth == 0)
    }

    @Test func `What fails is sent again by itself, and said once`() {
        let channel = channel()
        sink.hear?(.opened)
        channel.post(.numbered(7, since: network.clock.now))
        for _ in 0..<3 {
            sink.sent = []
            sink.hear?(.failed(.test, after: nil))
            #expect(sink.sent.isEmpty)
            network.advance(.seconds(2))
            #expect(sink.sent.map(\.alert.number) == [7])
        }
        sink.answer()
        #expect(story.lines == ["failing", "recovered", "7 after 6000.0 ms"])
        #expect(channel.counts.retried == 3)
    }

    @Test func `Alerts wait for a sink that is away, and somebody may wait for them`() {
        let channel = channel()
        var isEmpty = false
        channel.whenDelivered { isEmpty = true }
        #expect(isEmpty, "nothing is owed yet")
        isEmpty = false
        sink.hear?(.closed(.test))
        for number in 0..<6 { channel.post(.numbered(number)) }
        channel.whenDelivered { isEmpty = true }
        #expect(sink.sent.isEmpty && channel.depth == 6)
        sink.hear?(.opened)
        while !sink.sent.isEmpty { sink.answer() }
        #expect(isEmpty && channel.counts.delivered == 6)
    }

    @Test func `A channel that is closed hears and sends nothing`() {
        let channel = channel()
        sink.hear?(.opened)
        channel.close()
        #expect(sink.hear == nil)
        network.advance(.seconds(60))
        #expect(story.lines.isEmpty)
    }
}
