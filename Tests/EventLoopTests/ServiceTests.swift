import EventLoop
import Foundation
import Ground
import Testing

private func temporaryFolder() throws -> String {
    let path = "/tmp/canopy-watch-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
}

@Test func `A file replaced by a rename is noticed once, its neighbours are not`() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = folder + "/topology.yaml"
    try "old".write(toFile: file, atomically: false, encoding: .utf8)
    var changes = 0
    try onLoop { loop in
        _ = try loop.watch(file) { changes += 1 }
        try "x".write(toFile: folder + "/neighbour", atomically: false, encoding: .utf8)
        loop.schedule(after: .milliseconds(250)) {
            #expect(changes == 0)
            try? "new text".write(toFile: file, atomically: true, encoding: .utf8)
            loop.schedule(after: .milliseconds(300), loop.stop)
        }
    }
    #expect(changes == 1)
}

@Test func `A file that did not exist is noticed when it comes`() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var changes = 0
    try onLoop { loop in
        _ = try loop.watch(folder + "/new") {
            changes += 1
            loop.stop()
        }
        try "x".write(toFile: folder + "/new", atomically: false, encoding: .utf8)
    }
    #expect(changes == 1)
}

@Test func `A change of any file in a watched folder is noticed`() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var changes = 0
    try onLoop { loop in
        _ = try loop.watch(folder) {
            changes += 1
            loop.stop()
        }
        try "x".write(toFile: folder + "/any", atomically: false, encoding: .utf8)
    }
    #expect(changes == 1)
}

@Test func `Watching in a folder that is not there is a fault`() throws {
    try onLoop { loop in
        let fault = #expect(throws: Fault.self) { _ = try loop.watch("/no/such/folder/file") {} }
        #expect(fault?.code == .notFound)
        loop.stop()
    }
}

@Test func `Blocking work runs elsewhere and completes on the loop`() throws {
    var result = 0
    var ranOnLoop = true
    try onLoop { loop in
        let poster = loop.poster
        try loop.offLoop({ (poster.isOnLoop, 42) }) { onLoop, value in
            #expect(poster.isOnLoop)
            (ranOnLoop, result) = (onLoop, value)
            loop.stop()
        }
    }
    #expect(result == 42)
    #expect(!ranOnLoop)
}

@Test func `More blocking work than the bound is refused, and the rest completes`() throws {
    var completed = 0
    var fault: Fault?
    try onLoop { loop in
        do {
            for _ in 0...Loop.offLoopLimit {
                try loop.offLoop({ 1 }) { completed += $0 }
            }
        } catch { fault = error as? Fault }
        func waitForAll() {
            if completed == Loop.offLoopLimit { return loop.stop() }
            loop.schedule(after: .milliseconds(1), waitForAll)
        }
        waitForAll()
    }
    #expect(fault?.code == .exhausted)
    #expect(completed == Loop.offLoopLimit)
}

@Test func `A signal calls its body instead of ending the process`() throws {
    var calls = 0
    try onLoop { loop in
        let watch = try loop.onSignal(.hangUp) {
            calls += 1
            loop.stop()
        }
        kill(getpid(), SIGHUP)
        _ = watch
    }
    #expect(calls == 1)
}

@Test func `Lines are read from a pipe until its end`() throws {
    let pipe = Pipe()
    var lines: [OutputLine] = []
    try onLoop { loop in
        let own = dup(pipe.fileHandleForReading.fileDescriptor)
        try loop.readLines(from: own, line: { lines.append($0) }, ended: loop.stop)
        try pipe.fileHandleForWriting.write(contentsOf: Data("cut\nset delay 5ms\n".utf8))
        try pipe.fileHandleForWriting.close()
    }
    #expect(lines == [OutputLine(text: "cut"), OutputLine(text: "set delay 5ms")])
}
