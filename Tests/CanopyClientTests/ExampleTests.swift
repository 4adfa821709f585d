import CanopyClient
import Cryptography
import Foundation
import Ground
import Storage
import Testing

/// What the README and the docstrings show to authors of cameras, as it stands there.
@Suite("The examples", .timeLimit(.minutes(1)))
struct ExampleTests {
    @Test func `A camera with a closure, and one that is read as a sequence`() async throws {
        let node = try FakeNode(.echoes)
        defer { node.stop() }
        let address = node.endpoint.description
        let jpeg: [UInt8] = [0xFF, 0xD8]

        let client = try CanopyClient(nodes: [NodeAddress(address)], identity: .plain)
        defer { client.close() }

        let camera = try client.stream("cam-1", task: "meter-digits") { outcome in
            switch outcome.result {
            case .answered(let answer): print(outcome.sequence, answer.label ?? "–")
            case .failed(let fault): print(outcome.sequence, fault)
            case .dropped(let reason, let fault): print(outcome.sequence, reason, fault)
            }
        }
        try camera.send(picture: jpeg)

        let feed = try client.stream("cam-2", task: "meter-digits")
        try feed.send(picture: jpeg)
        feed.finish()
        var seen = 0
        for await outcome in feed.outcomes {
            #expect(outcome.answer != nil)
            seen += 1
        }
        #expect(seen == 1)
    }

    @Test func `A camera's certificate is read from its folder, and what is missing is named`()
        throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let disk = FileDisk()
        let missing = #expect(throws: Fault.self) {
            try ClientIdentity.certified(folder: folder.path, name: "camera")
        }
        #expect(missing?.message.contains("\(folder.path)/ca.pem") == true)
        try disk.replace("\(folder.path)/ca.pem", with: Array("authority".utf8))
        guard case .certified(let trust, nil) = try ClientIdentity.certified(folder: folder.path)
        else { throw Fault(.inner, "credentials of nobody") }
        #expect(trust == Array("authority".utf8))
        let mine = TLSCredentials(certificateChain: [1, 2], privateKey: [3])
        try CredentialFiles(folder: folder.path, name: "camera").save(mine, on: disk)
        guard
            case .certified(_, let shown?) = try ClientIdentity.certified(
                folder: folder.path, name: "camera")
        else { throw Fault(.inner, "no credentials") }
        #expect(shown.certificateChain == [1, 2] && shown.privateKey == [3])
    }
}
