import Ground
import Testing

@testable import EventLoop

private func run(
    _ command: Command, stopping: Bool = false
) throws -> (lines: [String], errors: [String], exit: ChildExit?) {
    var lines: [String] = []
    var errors: [String] = []
    var exit: ChildExit?
    try onLoop { loop in
        _ = try loop.spawn(
            command, output: .lines { lines.append($0.text) },
            errors: .lines { errors.append($0.text) }
        ) {
            exit = $0
            loop.stop()
        }
    }
    return (lines, errors, exit)
}

@Test func `A child's lines come in order, on both outputs, before its exit code`() throws {
    let script = "echo one; echo two >&2; echo; printf three; exit 7"
    let result = try run(Command("sh", ["-c", script]))
    #expect(result.lines == ["one", "", "three"])
    #expect(result.errors == ["two"])
    #expect(result.exit == .code(7))
}

@Test func `A child gets its arguments, environment and folder, and nothing else`() throws {
    let script = "echo \"$1\"; pwd; env | grep -c . ; echo $COLOUR; ls /proc/self/fd | wc -l"
    let command = Command(
        "/bin/sh", ["-c", script, "sh", "a b"], environment: ["COLOUR": "red"], folder: "/usr")
    let result = try run(command)
    #expect(result.lines.prefix(2) == ["a b", "/usr"])
    #expect(result.lines[3] == "red")
    // Three descriptors, and the one with which ls reads the folder.
    #expect(result.lines[4].trimmingPrefix { $0 == " " } == "4")
}

@Test func `A program that is not there is a fault at once`() throws {
    try onLoop { loop in
        let fault = #expect(throws: Fault.self) {
            _ = try loop.spawn(Command("/no/such/program")) { _ in Issue.record("it exited") }
        }
        #expect(fault?.code == .notFound)
        #expect(fault?.message.contains("/no/such/program") == true)
        loop.stop()
    }
}

@Test func `A killed child reports the signal`() throws {
    var exit: ChildExit?
    try onLoop { loop in
        let child = try loop.spawn(Command("sleep", ["100"])) {
            exit = $0
            loop.stop()
        }
        #expect(child.isRunning)
        child.kill()
    }
    #expect(exit == .signal(9))
}

@Test func `A child that ignores the request to end is killed after the grace`() throws {
    var exit: ChildExit?
    try onLoop { loop in
        var child: ChildProcess?
        child = try loop.spawn(
            Command("sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"]),
            output: .lines { _ in child?.terminate(grace: .milliseconds(30)) }
        ) {
            exit = $0
            loop.stop()
        }
    }
    #expect(exit == .signal(9))
}

@Test func `Children end with their loop`() throws {
    var exit: ChildExit?
    var pid: Int32 = 0
    try onLoop { loop in
        pid = try loop.spawn(Command("sleep", ["100"])) { exit = $0 }.pid
        loop.stop()
    }
    #expect(exit == .signal(9))
    #expect(pid > 0)
}

@Test func `A line longer than the limit is cut, and the next one is whole`() {
    var splitter = LineSplitter()
    var lines: [OutputLine] = []
    let long = [UInt8](repeating: UInt8(ascii: "x"), count: LineSplitter.limit + 10)
    for piece in [Array(long.prefix(5)), Array(long.dropFirst(5)), Array("\nnext\r\nla".utf8)] {
        piece.withUnsafeBytes { splitter.take($0) { lines.append($0) } }
    }
    splitter.end { lines.append($0) }
    let cut = String(repeating: "x", count: LineSplitter.limit)
    #expect(
        lines == [
            OutputLine(text: cut, isCut: true), OutputLine(text: "next"), OutputLine(text: "la"),
        ])
}

@Test func `Lines do not depend on where the bytes are cut`() {
    let text = Array("a\n\nbc\r\n\u{e4}\u{20ac}\nend".utf8)
    var random = Randomness(seed: 3)
    for _ in 0..<200 {
        var splitter = LineSplitter()
        var lines: [String] = []
        var rest = text[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Int.random(in: 1...5, using: &random)))
            rest = rest.dropFirst(piece.count)
            piece.withUnsafeBytes { splitter.take($0) { lines.append($0.text) } }
        }
        splitter.end { lines.append($0.text) }
        #expect(lines == ["a", "", "bc", "\u{e4}\u{20ac}", "end"])
    }
}
