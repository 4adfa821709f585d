import EventLoop
import Ground
import Logging
import Node
import Telemetry
import Topology
import Wire

/// Reads a node's topology again, off the loop, and puts it in force on all loops; or says why not,
/// and changes nothing. Confined to the first loop.
final class Reloader {
    /// Those who may wait for one reading: people, and one file watch.
    private static let mostWaiting = 64

    private let source: TopologySource
    private let loop: Loop
    private let control: ControlPlane
    private let loader: ModelLoader
    private var isReading = false
    /// Who asked while a reading was under way: what it read may be older than their edit.
    private var next: [(ReloadReply) -> Void] = []

    init(_ source: TopologySource, on loop: Loop, _ control: ControlPlane, _ loader: ModelLoader) {
        self.source = source
        self.loop = loop
        self.control = control
        self.loader = loader
    }

    /// What a good topology becomes.
    private struct Prepared: Sendable {
        let context: NodeContext
        let names: NodeMetrics
        let sinks: [PreparedSink]
        let lines: [String]
    }

    private enum Verdict: Sendable {
        case good(Prepared)
        case unchanged
        case bad([String])
    }

    func reload(_ completion: @escaping (ReloadReply) -> Void = { _ in }) {
        guard !isReading else {
            if next.count < Self.mostWaiting { return next.append(completion) }
            return completion(reply("refused", ["the topology is being read already"]))
        }
        read(for: [completion])
    }

    private func read(for askers: [(ReloadReply) -> Void]) {
        isReading = true
        let (source, old, registry) = (source, control.context, control.names.registry)
        do throws(Fault) {
            try loop.offLoop {
                Self.prepare(source, old, registry)
            } completion: { [self] verdict in
                finish(verdict, for: askers)
            }
        } catch {
            finish(.bad(["\(error)"]), for: askers)
        }
    }

    private func finish(_ verdict: Verdict, for askers: [(ReloadReply) -> Void]) {
        isReading = false
        let reply = carryOut(verdict)
        let outcome = reply.outcome
        control.hosts.list.first?.post { $0.metrics.reloaded(outcome) }
        for asker in askers { asker(reply) }
        guard !next.isEmpty else { return }
        let waiting = next
        next = []
        read(for: waiting)
    }

    private func carryOut(_ verdict: Verdict) -> ReloadReply {
        let log = control.context.log
        switch verdict {
        case .unchanged:
            control.confirmed()
            return reply("unchanged", [])
        case .bad(let lines):
            control.refused(lines)
            for line in lines { log.error("the topology is not taken over: \(line)") }
            return reply("refused", lines)
        case .good(let new):
            control.adopt(new.context, new.names, new.sinks)
            loader.adopt(new.context)
            log.notice(
                "the topology was read again and is in force",
                metadata: ["changes": "\(new.lines.joined(separator: "; "))"])
            for notice in new.context.topology.notices { log.warning("\(notice)") }
            return reply("accepted", new.lines)
        }
    }

    private func reply(_ outcome: String, _ lines: [String]) -> ReloadReply {
        let context = control.context
        var reply = ReloadReply()
        reply.node = context.names.name
        reply.outcome = outcome
        reply.lines = lines
        reply.topology = context.digest?.hex ?? ""
        return reply
    }

    // MARK: Off the loop

    private static func prepare(
        _ source: TopologySource, _ old: NodeContext, _ registry: Metrics
    ) -> Verdict {
        let reading: TopologySource.Reading
        do throws(TopologySource.Refusal) {
            reading = try source.read()
        } catch {
            return .bad(error.lines)
        }
        if reading.digest == old.digest { return .unchanged }
        let new = reading.topology
        let before = old.blueprint.node
        guard let after = new.node(named: before.name), after.speaks == .canopy else {
            return .bad([
                "\(new.place(of: "nodes")): node `\(before.name)` is gone, and it is this one; stop"
                    + " it, or take this edit back"
            ])
        }
        let needs = RestartNeeds.lines(old.topology, new, node: before, after)
        guard needs.isEmpty else { return .bad(needs) }
        do throws(Fault) {
            let context = try NodeContext(succeeding: old, reading, node: after)
            keep(reading, old)
            let names = try NodeMetrics(context.blueprint, registry: registry)
            let sinks = try PreparedSink.all(of: context, registry)
            return .good(
                Prepared(
                    context: context, names: names, sinks: sinks,
                    lines: ReloadSummary.lines(old, context)))
        } catch {
            return .bad(["\(error)"])
        }
    }

    /// An edit is taken over whether or not it can be written down.
    private static func keep(_ reading: TopologySource.Reading, _ context: NodeContext) {
        do throws(Fault) {
            try context.recording?.keep(reading)
        } catch {
            context.log.warning("the recording misses this topology: \(error)")
        }
    }
}
