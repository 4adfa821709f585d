import Ground
import Testing

@testable import Wire

/// Every decoder, so that what holds for one is asked of all.
private let decoders: [(name: String, decode: @Sendable (Bytes) throws -> [Bytes])] = [
    ("request-raw", { try InferRequest.decode($0).encode() }),
    ("request-typed", { try InferRequest.decode($0).encode() }),
    ("request-raw-first", { try InferRequest.decode($0).encode() }),
    ("response", { try InferResponse.decode($0).encode() }),
    ("stream-response", { try StreamResponse.decode($0).encode() }),
    ("model-config", { try ModelConfiguration.decode($0).encode() }),
    ("model-metadata", { try ModelMetadata.decode($0).encode() }),
    ("server-metadata", { try ServerMetadata.decode($0).encode() }),
    ("reference", { try ModelReference.decode($0).encode() }),
    ("health-request", { try HealthRequest.decode($0).encode() }),
    ("health-response", { try HealthResponse.decode($0).encode() }),
    ("status", { try RPCStatus.decode($0).encode() }),
]

@Suite struct MalformedTests {
    @Test(arguments: decoders.indices)
    func `A message cut at any byte never crashes and is never read past its end`(
        _ index: Int
    ) throws {
        let whole = try golden(decoders[index].name)
        for length in 0..<whole.count {
            // A slab of its own, so that a byte too far is a byte too far.
            let cut = Bytes(whole[0..<length].array)
            do {
                _ = try decoders[index].decode(cut)
            } catch let fault as Fault {
                #expect([.invalid, .corrupt, .unsupported].contains(fault.code))
            }
        }
    }

    @Test func `A cut in the middle of a tensor is refused, and the fault says so`() throws {
        let whole = try golden("request-raw")
        for length in (whole.count - 9)..<whole.count {
            let fault = try fault { try InferRequest.decode(Bytes(whole[0..<length].array)) }
            #expect(fault.code == .invalid)
            #expect(fault.source == .client)
            #expect(!fault.message.isEmpty)
        }
    }

    @Test func `Twenty thousand mutations of good messages end in a message or a fault`() throws {
        var random = Randomness(seed: 20_000)
        let messages = try decoders.map { try golden($0.name).array }
        var read = 0
        for round in 0..<20_000 {
            let index = round % decoders.count
            var bytes = messages[index]
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                mutate(&bytes, &random)
            }
            do {
                // What could be read must be writable, and readable again.
                let written = joined(try decoders[index].decode(Bytes(bytes)))
                _ = try decoders[index].decode(Bytes(written))
                read += 1
            } catch is Fault {}
        }
        #expect(read > 1000 && read < 19_000)
    }

    @Test func `A peer's broken answer is the peer's fault, and another node may do better`() throws
    {
        let fault = try fault { try InferResponse.decode(Bytes([0x0A, 0x05, 0x61])) }
        #expect(fault.code == .corrupt)
        #expect(fault.source == .peer)
        #expect(fault.retry == .elsewhere)
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout Randomness) {
        guard !bytes.isEmpty else { return bytes.append(UInt8.random(in: 0...255, using: &random)) }
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.remove(at: at)
        case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
        default:
            let length = Int.random(in: 1...16, using: &random)
            bytes.insert(contentsOf: bytes[at..<min(at + length, bytes.count)], at: at)
        }
    }
}
