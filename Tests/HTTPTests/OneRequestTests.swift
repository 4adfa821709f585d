import Ground
import Testing

@testable import HTTP

@Suite struct OneRequestTests {
    /// What a request comes to when the other end says `answer` and, if told so, closes.
    private func exchange(
        _ request: OneRequest, answer: [String], closes: Bool = false
    ) -> (results: [Result<HTTPAnswer, Fault>], sent: String) {
        let loop = TestLoop()
        let ends = loop.pair()
        loop.onConnect = { _ in .success(ends.client) }
        var results: [Result<HTTPAnswer, Fault>] = []
        request.send(to: Endpoint(host: "hook", port: 80), on: loop) { results.append($0) }
        loop.run()
        for piece in answer {
            ends.client.inject(piece)
            loop.run()
        }
        if closes { ends.server.close(abruptly: false) }
        loop.run()
        loop.advance(.seconds(11))
        return (results, ends.client.text)
    }

    @Test func `The request has its headers, length and body`() {
        let request = OneRequest(
            path: "/hook", headers: [("content-type", "application/json")],
            body: [Bytes(Array("{}".utf8))])
        let (results, sent) = exchange(
            request, answer: ["HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"])
        #expect(
            sent == "POST /hook HTTP/1.1\r\nhost: hook:80\r\nconnection: close\r\n"
                + "content-length: 2\r\ncontent-type: application/json\r\n\r\n{}")
        let answer = try? results.first?.get()
        #expect(results.count == 1)
        #expect(answer?.status == 204)
        #expect(answer?.headers.first?.name == "x-a")
    }

    @Test(arguments: [
        (["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "lo"], false),
        (["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2", "\r\nlo\r\n0\r\n\r\n"], false),
        (["HTTP/1.1 200 OK\r\n\r\nhel", "lo"], true),
        (["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ", "OK\r\nContent-Length: 5\r\n\r\nhello"], false),
    ])
    func `An answer is read however its body is framed`(pieces: [String], closes: Bool) {
        let (results, _) = exchange(OneRequest(path: "/"), answer: pieces, closes: closes)
        let answer = try? results.first?.get()
        #expect(results.count == 1)
        #expect(answer?.status == 200)
        #expect(answer.map { String(decoding: $0.body, as: UTF8.self) } == "hello")
    }

    @Test(arguments: [
        ([], false, Fault.Code.deadline), ([], true, .unavailable),
        (["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"], true, .unavailable),
        (["nonsense\r\n\r\n"], false, .corrupt),
        (["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], false, .invalid),
        ([String(repeating: "x", count: 1 << 20), "x"], false, .exhausted),
    ] as [([String], Bool, Fault.Code)])
    func `What is no whole answer is a fault, told once`(
        pieces: [String], closes: Bool, code: Fault.Code
    ) {
        let (results, _) = exchange(OneRequest(path: "/"), answer: pieces, closes: closes)
        #expect(results.count == 1)
        guard case .failure(let fault)? = results.first else {
            Issue.record("expected a fault")
            return
        }
        #expect(fault.code == code)
    }
}
