import EventLoop
import Foundation
import Ground
import HTTP
import Testing

/// What a program printed, or `nil` when it is not on this machine.
private func run(_ program: String, _ arguments: [String]) throws -> String? {
    guard let path = ["/usr/bin/", "/usr/local/bin/"].map({ $0 + program })
        .first(where: { FileManager.default.isExecutableFile(atPath: $0) })
    else { return nil }
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
}

private func has(_ program: String) -> Bool {
    ["/usr/bin/", "/usr/local/bin/"].contains {
        FileManager.default.isExecutableFile(atPath: $0 + program)
    }
}

/// Notes what a call came to, and ends the loop after the last one.
private final class Collector: ClientCallHandler {
    let done: (GRPCStatus, Int) -> Void
    var bytes = 0
    init(_ done: @escaping (GRPCStatus, Int) -> Void) { self.done = done }
    func message(_ bytes: Bytes) { self.bytes += bytes.count }
    func finished(_ status: GRPCStatus, _ fault: Fault?) { done(status, bytes) }
}

@Suite struct LoopbackTests {
    @Test(arguments: ["/echo", "/later"])
    func `Client and server speak over real sockets`(path: String) throws {
        let server = try EchoServer()
        defer { server.stop() }
        let loop = try Loop()
        let pool = ClientPool(
            Endpoint(host: "127.0.0.1", port: server.port),
            allocator: ByteBudget(limit: 64 << 20), network: loop, hooks: hooks(loop), seed: 1)
        var left = 60
        var right = 0
        for index in 0..<60 {
            let size = index * 5_000
            let call = pool.call(
                path, deadline: loop.time.now + .seconds(20),
                handler: Collector { status, bytes in
                    if status == .ok && bytes == size { right += 1 }
                    left -= 1
                    if left == 0 { loop.stop() }
                })
            call.send(message: [Bytes([UInt8](repeating: 7, count: size))])
            call.halfClose()
        }
        loop.run()
        #expect(right == 60)
    }

    @Test(.enabled(if: has("curl"), "curl is not installed"))
    func `curl is answered over HTTP 1 and over HTTP 2`() throws {
        let server = try EchoServer()
        defer { server.stop() }
        let url = "http://127.0.0.1:\(server.port)/x"
        for version in ["--http1.1", "--http2-prior-knowledge", "--http1.0"] {
            let answer = try run(
                "curl", ["-s", "-m", "10", version, "-d", "hello", "-w", " %{http_code}", url])
            #expect(answer == "hello 200", "\(version)")
        }
        let large = String(repeating: "a", count: 5_000)
        let answer = try run("curl", ["-s", "-m", "10", "-H", "Expect: 100-continue", "-d", large, url])
        #expect(answer == large)
    }

    @Test(.enabled(if: has("h2load"), "h2load is not installed"))
    func `h2load finds every one of its calls answered`() throws {
        let server = try EchoServer()
        defer { server.stop() }
        let file = FileManager.default.temporaryDirectory.appending(
            path: "canopy-frame-\(UUID().uuidString)")
        try Data([0, 0, 0, 4, 0] + [UInt8](repeating: 1, count: 1_024)).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let report = try run(
            "h2load",
            [
                "-c", "8", "-m", "16", "-n", "2000", "-d", file.path, "-H",
                "content-type: application/grpc", "-H", "te: trailers",
                "http://127.0.0.1:\(server.port)/echo.Echo/Call",
            ])
        #expect(report?.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout") == true)
    }
}
