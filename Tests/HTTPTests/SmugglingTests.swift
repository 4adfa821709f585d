import Ground
import Testing

@testable import HTTP

/// Requests that two parsers could read as two different requests. Each must be refused, and nothing behind it served.
@Suite struct SmugglingTests {
    private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    private static let heads: [(String, String)] = [
        ("coding beside length", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
        ("length beside coding", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
        ("two lengths", "Content-Length: 4\r\nContent-Length: 5\r\n"),
        ("the same length twice", "Content-Length: 4\r\nContent-Length: 4\r\n"),
        ("a list of lengths", "Content-Length: 4, 4\r\n"),
        ("a signed length", "Content-Length: +4\r\n"),
        ("a negative length", "Content-Length: -4\r\n"),
        ("a hexadecimal length", "Content-Length: 0x4\r\n"),
        ("a spaced length", "Content-Length: 4 4\r\n"),
        ("an empty length", "Content-Length:\r\n"),
        ("a length beyond all bounds", "Content-Length: 99999999999999999999\r\n"),
        ("a coding that does not end in chunked", "Transfer-Encoding: chunked, gzip\r\n"),
        ("another coding", "Transfer-Encoding: gzip\r\n"),
        ("another coding before chunked", "Transfer-Encoding: gzip, chunked\r\n"),
        ("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        ("a coding in quotes", "Transfer-Encoding: \"chunked\"\r\n"),
        ("a coding with a tail", "Transfer-Encoding: chunked\u{b}\r\n"),
        ("an unknown coding", "Transfer-Encoding: xchunked\r\n"),
        ("a folded header", "X: a\r\n Content-Length: 4\r\n"),
        ("a header folded by a tab", "X: a\r\n\tb\r\n"),
        ("a space before the colon", "Content-Length : 4\r\n"),
        ("a tab before the colon", "Transfer-Encoding\t: chunked\r\n"),
        ("a space inside a name", "Content Length: 4\r\n"),
        ("no name", ": x\r\n"),
        ("no colon", "Content-Length\r\n"),
        ("a bare line feed after a header", "X: a\nContent-Length: 4\r\n"),
        ("a bare carriage return in a value", "X: a\rContent-Length: 4\r\n"),
        ("a zero byte in a value", "X: a\u{0}b\r\n"),
        ("a second Host", "Host: b\r\n"),
    ]

    @Test(arguments: heads)
    func `An ambiguous head is refused`(what: String, lines: String) {
        check("POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n", what)
    }

    private static let starts: [(String, String)] = [
        ("no Host", "GET / HTTP/1.1\r\n\r\n"),
        ("bare line feeds", "GET / HTTP/1.1\nHost: a\n\n"),
        ("a bare line feed at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
        ("two spaces", "GET  /  HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a tab in the target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a high byte in the target", "GET /ä HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("an unknown method", "GOT / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a future version", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
        ("another future version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        ("an HTTP/0.9 request", "GET /\r\n\r\n"),
        ("an answer", "HTTP/1.1 200 OK\r\n\r\n"),
        ("chunked on HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("a space before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    ]

    @Test(arguments: starts)
    func `A malformed start is refused`(what: String, text: String) { check(text, what) }

    private static let bodies: [(String, String)] = [
        ("a bare line feed after a size", "4\nabcd\r\n0\r\n\r\n"),
        ("a bare line feed in an extension", "4;a\nabcd\r\n0\r\n\r\n"),
        ("a chunk longer than its size", "4\r\nabcde\r\n0\r\n\r\n"),
        ("a chunk that ends in a bare line feed", "4\r\nabcd\n0\r\n\r\n"),
        ("no size", "\r\nabcd\r\n"),
        ("a size with a sign", "+4\r\nabcd\r\n0\r\n\r\n"),
        ("a size with a prefix", "0x4\r\nabcd\r\n0\r\n\r\n"),
        ("a size with a space before it", " 4\r\nabcd\r\n0\r\n\r\n"),
        ("a size with a space behind it", "4 \r\nabcd\r\n0\r\n\r\n"),
        ("a size beyond all bounds", "fffffffffffffffff\r\nabcd\r\n"),
        ("an extension alone", ";a\r\n\r\n"),
        ("an endless extension", "4;" + String(repeating: "a", count: 300) + "\r\nabcd\r\n"),
        ("a trailer with a bare line feed", "0\r\nX: a\n\r\n"),
        ("endless trailers", "0\r\n" + String(repeating: "X: a\r\n", count: 1_000) + "\r\n"),
    ]

    @Test(arguments: bodies)
    func `A malformed chunked body is refused`(what: String, body: String) {
        check("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body)", what)
    }

    private func check(_ text: String, _ what: String) {
        let service = TestService.echo()
        let bench = Bench(service)
        let ends = bench.raw()
        ends.server.inject(text + Self.smuggled)
        bench.loop.run()
        let answer = ends.server.text
        #expect(answer.hasPrefix("HTTP/1.1 4") || answer.hasPrefix("HTTP/1.1 5"), "\(what): \(answer)")
        #expect(answer.contains("connection: close"), "\(what)")
        #expect(!service.handlers.contains { $0.call.path == "/smuggled" }, "\(what)")
        #expect(!service.handlers.contains { $0.halfCloses > 0 }, "\(what)")
        bench.loop.advance(.seconds(20))
        #expect(bench.server.connections == 0, "\(what)")
        #expect(bench.budget.used == 0, "\(what)")
    }
}
