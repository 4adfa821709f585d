import Glibc
import Ground
import Testing
import Wire

@testable import Telemetry

@Suite struct TraceTests {
    @Test func `A traceparent reads and writes as the standard has it`() throws {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let context = try #require(TraceContext(traceparent: text))
        #expect(context.traceHigh == 0x4bf9_2f35_77b3_4da6)
        #expect(context.traceLow == 0xa3ce_929d_0e0e_4736)
        #expect(context.span == 0x00f0_67aa_0ba9_02b7)
        #expect(context.sampled)
        #expect(context.traceparent == text)
    }

    @Test(arguments: [
        ("00-00000000000000000000000000000001-0000000000000001-00", false),
        ("00-00000000000000000000000000000001-0000000000000001-ff", true),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-later-versions-add", true),
    ])
    func `What the standard allows is read`(_ text: String, _ sampled: Bool) throws {
        #expect(TraceContext(traceparent: text)?.sampled == sampled)
    }

    @Test(arguments: [
        "", "00", "00-00000000000000000000000000000000-0000000000000001-00",
        "00-00000000000000000000000000000001-0000000000000000-00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ])
    func `What the standard forbids begins a new trace`(_ text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }

    @Test func `A child has its parent's trace and a span of its own`() throws {
        var random = Randomness(seed: 1)
        let root = TraceContext.root(sampled: true, random: &random)
        let child = root.child(random: &random)
        #expect((child.traceHigh, child.traceLow) == (root.traceHigh, root.traceLow))
        #expect(child.span != root.span && child.sampled)
        #expect(TraceContext(traceparent: child.traceparent) == child)
    }

    @Test(arguments: [
        ("canopy=5", 5, ""), ("", nil, ""), ("congo=t61rcWkgMzE", nil, "congo=t61rcWkgMzE"),
        ("rojo=00f067aa0ba902b7,canopy=17 , congo=x", nil, "rojo=00f067aa0ba902b7,congo=x"),
        ("a=1, canopy=17,b@c=2", 17, "a=1,b@c=2"), ("canopy=-5", nil, ""), ("canopy=0", nil, ""),
        ("canopy=99999999999999999999", nil, ""), ("canopy=", nil, ""), (",,canopy=7,,", 7, ""),
    ] as [(String, Int64?, String)])
    func `A tracestate gives the moment of arrival, and others' words as they came`(
        _ text: String, _ arrival: Int64?, _ others: String
    ) {
        let state = TraceState(text)
        #expect(state.arrival?.nanoseconds == arrival)
        #expect(state.others == others)
    }

    @Test func `Canopy's entry of a tracestate stands first, and all of it is within the bound`() {
        var state = TraceState("congo=x,canopy=1")
        state.arrival = WallTime(nanoseconds: .max)
        #expect(state.header == "canopy=9223372036854775807,congo=x")
        #expect(TraceState("").header == nil)
        for length in 0...600 {
            var state = TraceState("k=" + String(repeating: "v", count: length))
            state.arrival = WallTime(nanoseconds: .max)
            #expect((state.header ?? "").utf8.count <= TraceState.mostBytes)
        }
    }

    @Test func `A full buffer drops new spans and counts them, and forgets what is not sampled`() {
        var random = Randomness(seed: 2)
        var buffer = SpanBuffer(capacity: 3)
        for index in 0..<5 {
            buffer.append(span("s\(index)", .root(sampled: true, random: &random)))
        }
        buffer.append(span("quiet", .root(sampled: false, random: &random)))
        #expect(buffer.count == 3 && buffer.dropped == 2)
        #expect(buffer.take(2).map(\.name) == ["s0", "s1"])
        #expect(buffer.take().map(\.name) == ["s2"])
        #expect(buffer.take().isEmpty)
    }

    @Test func `An export is what a collector's own protobufs write`() throws {
        let root = try #require(
            TraceContext(traceparent: "00-000102030405060708090a0b0c0d0e0f-0001020304050607-01"))
        var infer = span("infer", root)
        infer.parent = 0x0809_0a0b_0c0d_0e0f
        infer.attributes = [.init(name: "task", value: .string("meter-digits"))]
        infer.error = "deadline"
        let body = OTLP.body([infer], node: "leaf-mill-3", version: "1.0")
        #expect(body.flatMap(\.array) == (try golden()))
        let answer = try OTLP.refused(Bytes([0x0A, 0x05, 0x08, 0x02, 0x12, 0x01, 0x78]))
        #expect(answer.count == 2 && answer.message == "x")
        #expect(try OTLP.refused(Bytes([])).count == 0)
    }

    private func span(_ name: String, _ context: TraceContext) -> Span {
        Span(
            name, .server, context: context,
            start: WallTime(nanoseconds: 1_700_000_000_000_000_000),
            end: WallTime(nanoseconds: 1_700_000_000_001_000_000))
    }

    /// See Tests/Golden/wire/make.py.
    private func golden(file: StaticString = #filePath) throws -> [UInt8] {
        let here = "\(file)".split(separator: "/").dropLast(2).joined(separator: "/")
        let path = "/\(here)/Golden/wire/node-export.bin"
        let stream = try #require(fopen(path, "rb"), "no golden file at \(path)")
        defer { fclose(stream) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        return Array(bytes[..<fread(&bytes, 1, bytes.count, stream)])
    }
}
