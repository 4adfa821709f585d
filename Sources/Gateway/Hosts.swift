import EventLoop
import Ground
import Synchronization

/// The loops of a node, to be asked or told something all at once. From any thread.
final class Hosts: Sendable {
    private let all = Mutex<[LoopConfined<ShardHost>]>([])
    private let alerts = Mutex<LoopConfined<AlertDesk>?>(nil)

    /// Takes the hosts, once all of them stand, and the desk on the first of their loops; and none
    /// when the node ends.
    func set(_ hosts: [LoopConfined<ShardHost>], desk: LoopConfined<AlertDesk>? = nil) {
        all.withLock { $0 = hosts }
        alerts.withLock { $0 = desk }
    }

    /// Where alerts leave the node.
    var desk: LoopConfined<AlertDesk>? { alerts.withLock { $0 } }

    var list: [LoopConfined<ShardHost>] { all.withLock { $0 } }

    /// Runs a body on every loop.
    func each(_ body: @escaping @Sendable (ShardHost) -> Void) {
        for host in list { host.post(body) }
    }

    /// Asks every loop, and gives the answers in the loops' order to `completion` on the asking
    /// loop. With one loop, before this returns. A loop that has ended gives no answer.
    func gather<Value: Sendable>(
        on loop: Loop, _ ask: @escaping @Sendable (ShardHost) -> Value,
        then completion: @escaping ([Value]) -> Void
    ) {
        let hosts = list
        let answers = Answers<Value>(hosts.count, completion)
        let confined = LoopConfined(answers, to: loop.poster)
        for (index, host) in hosts.enumerated() {
            if host.poster.isOnLoop {
                answers.take(ask(host.onLoop), from: index)
            } else if !host.post({ host in
                let value = ask(host)
                confined.post { $0.take(value, from: index) }
            }) {
                answers.take(nil, from: index)
            }
        }
        if hosts.isEmpty { completion([]) }
    }

    /// What has come so far. Confined to the asking loop.
    private final class Answers<Value> {
        private var values: [Value?]
        private var left: Int
        private let completion: ([Value]) -> Void

        init(_ count: Int, _ completion: @escaping ([Value]) -> Void) {
            values = Array(repeating: nil, count: count)
            left = count
            self.completion = completion
        }

        func take(_ value: Value?, from index: Int) {
            values[index] = value
            left -= 1
            if left == 0 { completion(values.compactMap(\.self)) }
        }
    }
}
