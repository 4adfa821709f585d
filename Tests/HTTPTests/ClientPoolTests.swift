import Ground
import Testing

@testable import HTTP

@Suite struct ClientPoolTests {
    @Test func `Calls share one connection while it has room`() {
        let bench = Bench()
        let calls = (0..<50).map { _ in bench.call() }
        bench.loop.run()
        #expect(calls.allSatisfy { $0.handler.status == .ok })
        #expect(bench.pool.counters.connectionsOpened == 1)
        #expect(bench.pool.counters.bytesOut == bench.server.counters.bytesIn)
        #expect(bench.pool.counters.bytesIn == bench.server.counters.bytesOut)
    }

    @Test func `Full connections make another, up to the bound, and the rest waits`() {
        var limits = ClientLimits()
        limits.streams = 10
        limits.connections = 2
        let service = TestService()
        let bench = Bench(service, client: limits)
        let calls = (0..<25).map { _ in bench.call() }
        bench.loop.run()
        #expect(bench.pool.connections == 2)
        #expect(service.handlers.count == 20)
        #expect(bench.pool.waitingCalls == 5)
        for handler in service.handlers { handler.call.finish() }
        bench.loop.run()
        for handler in service.handlers.suffix(5) { handler.call.finish() }
        bench.loop.run()
        #expect(calls.allSatisfy { $0.handler.ends.map(\.status) == [.ok] })
    }

    @Test func `A full queue refuses at once, and the handler hears after the call returned`() {
        var limits = ClientLimits()
        limits.waiting = 2
        let bench = Bench(client: limits)
        bench.loop.onConnect = { _ in nil }
        let calls = (0..<3).map { _ in bench.call() }
        #expect(calls[2].handler.ends.isEmpty)
        bench.loop.run()
        #expect(calls[2].handler.status?.code == .resourceExhausted)
        #expect(calls[0].handler.ends.isEmpty)
    }

    @Test func `A failed connect fails who waits, and the pause before the next grows`() {
        let bench = Bench()
        bench.loop.onConnect = { _ in .failure(Fault(.unavailable, "refused", source: .peer)) }
        var pauses: [Interval] = []
        for _ in 0..<5 {
            let before = bench.loop.connects
            let start = bench.loop.clock.now
            while bench.loop.connects == before {
                let (_, handler) = bench.call()
                bench.loop.run()
                #expect(handler.ends.map(\.status.code) == [.unavailable])
                #expect(handler.ends.first?.fault?.retry == .elsewhere)
                if bench.loop.connects == before { bench.loop.advance(.milliseconds(10)) }
            }
            pauses.append(bench.loop.clock.now - start)
        }
        #expect(pauses[0] == .zero)
        for (index, nominal) in [100, 200, 400, 800].enumerated() {
            #expect(pauses[index + 1] >= .milliseconds(Int64(nominal) * 8 / 10))
            #expect(pauses[index + 1] <= .milliseconds(Int64(nominal) * 12 / 10 + 10))
        }
    }

    @Test func `A caller that paces itself need not wait for the pause`() {
        let bench = Bench()
        let works = bench.loop.onConnect
        bench.loop.onConnect = { _ in .failure(Fault(.unavailable, "refused", source: .peer)) }
        _ = bench.call()
        bench.loop.run()
        bench.loop.onConnect = works
        let early = bench.call().handler
        bench.pool.endPause()
        let late = bench.call().handler
        bench.loop.run()
        #expect(early.status?.code == .unavailable && late.status == .ok)
    }

    @Test func `A connection that came back serves again`() {
        let bench = Bench()
        let works = bench.loop.onConnect
        bench.loop.onConnect = { _ in .failure(Fault(.unavailable, "refused", source: .peer)) }
        _ = bench.call()
        bench.loop.run()
        bench.loop.onConnect = works
        bench.loop.advance(.milliseconds(150))
        let (_, handler) = bench.call()
        bench.loop.run()
        #expect(handler.status == .ok)
        #expect(bench.pool.counters.connectFailures == 1)
    }

    @Test func `A black hole is found by PING, its calls end, and the next call connects anew`() {
        let service = TestService()
        let bench = Bench(service)
        let (_, handler) = bench.call()
        bench.loop.run()
        bench.ends.server.isBlackHole = true
        bench.ends.client.isBlackHole = true
        bench.loop.advance(.seconds(9))
        #expect(handler.ends.isEmpty)
        bench.loop.advance(.seconds(9))
        #expect(handler.status?.code == .unavailable)
        #expect(bench.pool.connections == 0)
        service.onHalfClose = { $0.call.finish() }
        let next = bench.call()
        bench.loop.run()
        #expect(next.handler.status == .ok)
    }

    @Test func `A slow answer on a live connection is waited for`() {
        let service = TestService()
        let bench = Bench(service)
        let (_, handler) = bench.call()
        bench.loop.advance(.seconds(120))
        #expect(handler.ends.isEmpty)
        service.handlers[0].call.finish()
        bench.loop.run()
        #expect(handler.status == .ok)
    }

    @Test func `A deadline that passes in silence asks whether the link lives`() {
        let service = TestService()
        let bench = Bench(service)
        _ = bench.call(timeout: .milliseconds(100))
        bench.loop.run()
        bench.ends.server.isBlackHole = true
        bench.ends.client.isBlackHole = true
        bench.loop.advance(.seconds(8))
        #expect(bench.pool.connections == 0)
    }

    @Test func `A drained server finishes its calls, and new ones find another connection`() {
        let service = TestService()
        let bench = Bench(service)
        let first = bench.call()
        bench.loop.run()
        var isDrained = false
        bench.server.drain { isDrained = true }
        bench.loop.advance(.seconds(1))
        #expect(!isDrained)
        service.handlers[0].call.send(message: [Bytes([1])])
        service.handlers[0].call.finish()
        bench.loop.advance(.seconds(1))
        #expect(first.handler.status == .ok)
        #expect(isDrained)
        #expect(bench.pool.connections == 0)
        let second = Server(
            service, budget: bench.budget, network: bench.loop, hooks: bench.loop.hooks)
        bench.loop.onConnect = { [loop = bench.loop] _ in
            let ends = loop.pair()
            second.accept(ends.server)
            return .success(ends.client)
        }
        service.onHalfClose = { $0.call.finish() }
        let next = bench.call()
        bench.loop.run()
        #expect(next.handler.status == .ok)
    }

    @Test func `A drain does not wait longer than its bound`() {
        let service = TestService()
        let bench = Bench(service)
        let (_, handler) = bench.call()
        bench.loop.run()
        var isDrained = false
        bench.server.drain { isDrained = true }
        bench.loop.advance(.seconds(29))
        #expect(!isDrained)
        bench.loop.advance(.seconds(3))
        #expect(isDrained)
        #expect(handler.status?.code == .unavailable)
    }

    @Test func `An idle connection is closed`() {
        let bench = Bench()
        _ = bench.call()
        bench.loop.advance(.seconds(290))
        #expect(bench.pool.connections == 1)
        bench.loop.advance(.seconds(20))
        #expect(bench.pool.connections == 0)
        #expect(bench.server.connections == 0)
    }

    @Test func `A closed pool ends what it had, once`() {
        let bench = Bench(TestService())
        let calls = (0..<3).map { _ in bench.call() }
        bench.loop.run()
        bench.pool.close()
        let late = bench.call()
        bench.loop.run()
        #expect(calls.allSatisfy { $0.handler.ends.map(\.status.code) == [.unavailable] })
        #expect(late.handler.ends.map(\.status.code) == [.unavailable])
        #expect(bench.service.handlers.allSatisfy { $0.cancellations.count == 1 })
    }

    @Test func `A call given up while it waits never reaches the server`() {
        let bench = Bench()
        let (call, handler) = bench.call()
        call.cancel()
        bench.loop.run()
        #expect(handler.ends.map(\.status.code) == [.cancelled])
        #expect(bench.service.handlers.isEmpty)
    }

    @Test func `Deadlines come in order whatever the order of the calls`() {
        let bench = Bench(TestService())
        var random = Randomness(seed: 5)
        var ended: [Int64] = []
        var calls: [ClientCall] = []
        final class Noter: ClientCallHandler {
            let note: () -> Void
            init(_ note: @escaping () -> Void) { self.note = note }
            func message(_ bytes: Bytes) {}
            func finished(_ status: GRPCStatus, _ fault: Fault?) { note() }
        }
        for index in 0..<200 {
            let time = Int64(random.next() % 900) + 1
            calls.append(
                bench.pool.call(
                    "/t/t", deadline: bench.loop.clock.now + .milliseconds(time),
                    handler: Noter { if index % 5 != 0 { ended.append(time) } }))
        }
        for (index, call) in calls.enumerated() where index % 5 == 0 { call.cancel() }
        bench.loop.advance(.seconds(1))
        #expect(ended.count == 160)
        #expect(ended == ended.sorted())
    }
}
