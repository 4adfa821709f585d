import Cryptography
import EventLoop
import Ground
import HTTP
import Logging
import Records
import Storage
import Topology

/// The larger stores that a node hands its records on to, each on a thread of its own.
final class RecordSinks {
    private var threads: [LoopThread] = []

    /// Largest file of authorities.
    private static let authorityLimit = 1 << 20

    /// Starts a thread for each sink that the topology names, and forgets those that it does not.
    ///
    /// - Throws: when a secret or the authorities of one cannot be read.
    init(
        _ store: RecordStore, _ plan: RecordsPlan, node: String, _ log: Logger
    ) throws(Fault) {
        var names: [String] = []
        if let postgres = plan.postgres {
            names.append("postgres")
            let settings = try Self.settings(postgres)
            threads.append(
                try LoopThread(name: "canopy-postgres") { (loop) throws(Fault) in
                    let made = try PostgresSink(store, name: "postgres", keeper: node, settings)
                    PostgresRunner(made, SinkPace("PostgreSQL", store, "postgres", log))
                        .start(on: loop)
                })
        }
        if let objects = plan.objects {
            names.append("s3")
            let settings = ObjectSettings(
                objects.url.endpoint, bucket: objects.bucket, prefix: objects.prefix,
                region: objects.region, key: objects.key, secret: try objects.secret.read())
            let sink = try ObjectSink(store, name: "s3", settings)
            let tls = try Self.context(of: objects)
            threads.append(
                try LoopThread(name: "canopy-s3") { loop in
                    ObjectRunner(
                        sink, objects.url.endpoint, tls,
                        SinkPace("the object store", store, "s3", log)
                    ).start(on: loop)
                })
        }
        try store.keepSinks(names)
    }

    /// Ends the threads. What is due stays due.
    func stop() {
        for thread in threads { thread.stop() }
        for thread in threads { thread.join() }
        threads = []
    }

    private static func settings(_ plan: PostgresPlan) throws(Fault) -> PostgresSettings {
        if let path = plan.authority { _ = try FileDisk().read(path, limit: authorityLimit) }
        var password: (@Sendable () throws(Fault) -> String)?
        if let place = plan.password {
            _ = try place.read()
            password = { () throws(Fault) in try place.read() }
        }
        return PostgresSettings(
            plan.endpoint, database: plan.database, user: plan.user, tls: plan.tls,
            authority: plan.authority, password: password)
    }

    private static func context(of plan: ObjectStorePlan) throws(Fault) -> TLSContext? {
        guard plan.url.tls else { return nil }
        var trust = TLSSettings.Trust.system
        if let path = plan.authority {
            trust = .authorities(try FileDisk().read(path, limit: authorityLimit))
        }
        return try TLSContext(.client(nil, trust: trust, applicationProtocols: ["http/1.1"]))
    }
}

/// When a sink is tried again, and what the log says of it. Confined to the sink's loop.
final class SinkPace {
    /// Between two looks when nothing is due: records wait a second at most.
    static let pause = Interval.seconds(1)
    /// The longest wait after failures.
    static let longest = Interval.seconds(60)

    private let what: String
    private let store: RecordStore
    private let name: String
    private let log: Logger
    private var failures = 0

    init(_ what: String, _ store: RecordStore, _ name: String, _ log: Logger) {
        self.what = what
        self.store = store
        self.name = name
        self.log = log
    }

    /// Something was handed on, or nothing was due.
    func succeeded() {
        if failures > 0 { log.notice("\(what) takes records again") }
        failures = 0
    }

    /// How long to wait; says the first failure of a row, and the state of things now and then.
    func failed(_ fault: Fault) -> Interval {
        failures += 1
        if failures == 1 || failures % 60 == 0 {
            let due = (try? store.owing(to: name)) ?? 0
            log.warning(
                "\(what) takes nothing; what is due is kept, and handed on later: \(fault)",
                metadata: ["due": "\(due)"])
        }
        let wait = Interval.seconds(Int64(1) << Int64(min(failures - 1, 6)))
        return min(wait, Self.longest)
    }
}

/// Hands records on to PostgreSQL. Its loop's thread is its own, so that it may block.
private final class PostgresRunner {
    private let sink: PostgresSink
    private let pace: SinkPace

    init(_ sink: PostgresSink, _ pace: SinkPace) {
        self.sink = sink
        self.pace = pace
    }

    func start(on loop: Loop) { schedule(on: loop, after: .zero) }

    private func schedule(on loop: Loop, after wait: Interval) {
        loop.schedule(after: wait) { [unowned loop] in self.run(on: loop) }
    }

    private func run(on loop: Loop) {
        do throws(Fault) {
            let count = try sink.step()
            pace.succeeded()
            schedule(on: loop, after: count > 0 ? .zero : SinkPace.pause)
        } catch {
            schedule(on: loop, after: pace.failed(error))
        }
    }
}

/// Hands frames on to object storage, one at a time.
private final class ObjectRunner {
    /// How long the server may take for one frame, from connecting on.
    private static let patience = Interval.seconds(30)

    private let sink: ObjectSink
    private let endpoint: Endpoint
    private let tls: TLSContext?
    private let pace: SinkPace
    /// Kept from frame to frame: a frame that is put again lies there already.
    private var way: KeptConnection?

    init(_ sink: ObjectSink, _ endpoint: Endpoint, _ tls: TLSContext?, _ pace: SinkPace) {
        self.sink = sink
        self.endpoint = endpoint
        self.tls = tls
        self.pace = pace
    }

    func start(on loop: Loop) { schedule(on: loop, after: .zero) }

    private func schedule(on loop: Loop, after wait: Interval) {
        loop.schedule(after: wait) { [unowned loop] in self.run(on: loop) }
    }

    private func run(on loop: Loop) {
        do throws(Fault) {
            guard let put = try sink.next(now: loop.time.wall) else {
                pace.succeeded()
                return schedule(on: loop, after: SinkPace.pause)
            }
            try send(put, on: loop)
        } catch {
            schedule(on: loop, after: pace.failed(error))
        }
    }

    private func send(_ put: ObjectPut, on loop: Loop) throws(Fault) {
        var request = OneRequest(path: put.path, headers: put.headers, body: [Bytes(put.body)])
        request.method = "PUT"
        request.timeout = Self.patience
        let way =
            way
            ?? KeptConnection(to: endpoint, on: loop) { [tls, endpoint] () throws(Fault) in
                try tls.map { (context) throws(Fault) in
                    try TLSSession(context: context, expecting: .host(endpoint.host))
                }
            }
        self.way = way
        try way.send(request) { [self, unowned loop] result in
            do throws(Fault) {
                let answer = try result.get()
                let words = String(decoding: answer.body.prefix(300), as: UTF8.self)
                try sink.finish(put, status: answer.status, words: words)
                pace.succeeded()
                schedule(on: loop, after: .zero)
            } catch {
                schedule(on: loop, after: pace.failed(error))
            }
        }
    }
}
