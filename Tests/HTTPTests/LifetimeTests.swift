import Ground
import Testing

@testable import HTTP

@Suite struct LifetimeTests {
    /// Things that must be gone once nobody needs them.
    private struct Traces {
        weak var call: ServerCall?
        weak var clientCall: ClientCall?
        weak var connection: ServerConnection?
        weak var server: Server?
        weak var pool: ClientPool?
    }

    private func trace(_ end: (Bench) -> Void) -> Traces {
        var traces = Traces()
        let bench = Bench()
        let (call, _) = bench.call()
        bench.service.onBegin = { traces.call = $0 }
        bench.loop.run()
        traces.clientCall = call
        traces.connection = bench.ends.server.receiver as? ServerConnection
        traces.server = bench.server
        traces.pool = bench.pool
        #expect(traces.connection != nil)
        bench.service.handlers = []
        end(bench)
        bench.loop.run()
        return traces
    }

    @Test func `A call is gone once it is answered, while its connection stays`() {
        var bench: Bench?
        let traces = trace { bench = $0 }
        #expect(traces.call == nil)
        #expect(traces.clientCall == nil)
        #expect(traces.connection != nil)
        bench?.server.close()
        bench?.loop.run()
        bench = nil
    }

    @Test(arguments: ["client", "server", "drain", "pool"])
    func `Nothing is left of a connection that ended, whoever ended it`(who: String) {
        let traces = trace { bench in
            switch who {
            case "client": bench.ends.client.close(abruptly: true)
            case "server": bench.server.close()
            case "drain":
                bench.server.drain {}
                bench.loop.advance(.seconds(2))
            default: bench.pool.close()
            }
        }
        #expect(traces.call == nil)
        #expect(traces.connection == nil)
        #expect(traces.server == nil)
        #expect(traces.pool == nil)
    }
}
