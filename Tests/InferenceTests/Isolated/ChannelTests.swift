import Ground
import Testing

@testable import Inference

private func order(workers: Int = 2) throws -> EngineOrder {
    let source = try source(
        "sum.onnx", #"{"version":1,"input":"a","kind":"tensor","type":"INT32","shape":[2,3]}"#,
        #"{"version":1,"kind":"raw"}"#)
    return EngineOrder(
        source, hardware: "cpu", settings: EngineSettings(workers: workers, memoryBudget: 1 << 20))
}

/// The other end of a channel, which a test plays as it likes.
private struct OtherEnd {
    let memory: SharedMemory
    let workers: Int

    init(_ channel: EngineChannel, workers: Int = 2) {
        memory = channel.memory
        self.workers = workers
    }

    var slot: UnsafeMutableRawPointer { memory.base + ChannelLayout.slot(0) }

    /// Answers the next request of worker 0 with whatever `body` writes, under number `number`, or
    /// under the request's own.
    func answer(as number: UInt32? = nil, _ body: @escaping @Sendable (OtherEnd) -> Void) {
        let request = memory.word(at: ChannelLayout.slot(0) + ChannelLayout.request)
        let response = memory.word(at: ChannelLayout.slot(0) + ChannelLayout.response)
        let before = response.value
        let thread = WorkerThread {
            while request.value == before { request.wait(while: before, atMost: .seconds(1)) }
            body(self)
            response.set(number ?? request.value)
        }
        thread?.detach()
    }

    func write(_ words: [Int64], at offset: Int) {
        for (index, word) in words.enumerated() {
            slot.storeBytes(of: word, toByteOffset: offset + 8 * index, as: Int64.self)
        }
    }
}

extension OtherEnd: @unchecked Sendable {}

private func ask(_ channel: EngineChannel, outputs: Int = 1) throws(Fault) -> [TensorPlace] {
    var times = InferenceTimes()
    return try channel.ask(
        0, isImage: true, [TensorPlace(offset: 0, length: 4, shape: [])], outputs: outputs,
        times: &times)
}

@Suite struct `What an engine writes` {
    @Test func `An honest answer comes through, request after request`() throws {
        let channel = try EngineChannel(try order())
        let other = OtherEnd(channel)
        for number in 1...5 {
            other.answer { other in
                other.write([0, 1000, 2000, 0, 0, 0, 0, 0], at: ChannelLayout.answer)
                PlaceList.write(
                    [TensorPlace(offset: 64, length: 8, shape: [1, 2])],
                    to: other.slot + ChannelLayout.answerPlaces)
                (other.memory.base + ChannelLayout.answers(0, of: 2) + 64)
                    .storeBytes(of: UInt64(number), as: UInt64.self)
            }
            let places = try ask(channel)
            #expect(places == [TensorPlace(offset: 64, length: 8, shape: [1, 2])])
            #expect(channel.bytes(places[0], of: 0).load(as: UInt64.self) == UInt64(number))
        }
    }

    /// Count, then offset, length, axes and shape of one output.
    @Test(arguments: [
        [1, 0, Int64(ChannelLayout.answerRoom) + 1, 0],
        [1, Int64(ChannelLayout.answerRoom), 1, 0],
        [1, -8, 8, 0],
        [1, 8, -8, 0],
        [1, Int64.max, Int64.max, 0],
        [1, Int64.min, 8, 0],
        [1, 0, 8, 9],
        [1, 0, 8, -1],
        [1, 0, 8, Int64.max],
        [1, 0, 8, 2, -1, 8],
        [1, 0, 8, 2, Int64.max, Int64.max],
        [0, 0, 8, 0],
        [2, 0, 8, 0],
        [-1, 0, 8, 0],
        [Int64.max, 0, 8, 0],
    ])
    func `A descriptor that leads elsewhere is refused`(words: [Int64]) throws {
        let channel = try EngineChannel(try order())
        OtherEnd(channel).answer { other in
            other.write([0, 0, 0], at: ChannelLayout.answer)
            other.write(words, at: ChannelLayout.answerPlaces)
        }
        #expect(fault { try ask(channel) }?.code == .corrupt)
    }

    @Test(arguments: [2, 0x8000_0000, UInt32.max])
    func `An answer of another number is none`(number: UInt32) throws {
        let channel = try EngineChannel(try order())
        OtherEnd(channel).answer(as: number) { _ in }
        #expect(fault { try ask(channel) }?.code == .corrupt)
    }

    @Test func `An answer to an earlier request does not answer this one`() throws {
        let channel = try EngineChannel(try order())
        let other = OtherEnd(channel)
        other.answer { $0.write([0, 0, 0], at: ChannelLayout.answer) }
        _ = fault { try ask(channel) }
        let response = other.memory.word(at: ChannelLayout.slot(0) + ChannelLayout.response)
        let late = WorkerThread {
            // The value of the first answer again, then the end of the run.
            response.set(1)
            channel.end()
        }
        #expect(fault { try ask(channel) }?.code == .unavailable)
        late?.join()
    }

    @Test func `A fault of any bytes is a fault and no more`() throws {
        var random = Randomness(seed: 3)
        for _ in 0..<50 {
            let channel = try EngineChannel(try order())
            let seed = random.next()
            OtherEnd(channel).answer { other in
                var random = Randomness(seed: seed)
                for offset in stride(
                    from: ChannelLayout.answer, to: ChannelLayout.slotSize, by: 8)
                {
                    other.slot.storeBytes(
                        of: random.next(), toByteOffset: offset, as: UInt64.self)
                }
                other.write([1], at: ChannelLayout.answer)
            }
            let problem = try #require(fault { try ask(channel) })
            #expect(problem.message.utf8.count <= 3 * ChannelLayout.messageRoom)
        }
    }

    @Test func `A fault crosses with its code, its source and its words`() throws {
        let channel = try EngineChannel(try order())
        OtherEnd(channel).answer { other in
            FaultRecord.write(
                Fault(.invalid, "the image is torn", source: .client, remedy: "send it whole"),
                to: other.slot)
            other.write([1], at: ChannelLayout.answer)
        }
        let problem = try #require(fault { try ask(channel) })
        #expect(problem.code == .invalid && problem.source == .client)
        #expect(problem.message == "the image is torn" && problem.remedy == "send it whole")
    }

    @Test func `Who waits hears at once that the run is over`() throws {
        let channel = try EngineChannel(try order())
        OtherEnd(channel).answer(as: 0) { _ in channel.end() }
        #expect(fault { try ask(channel) }?.code == .unavailable)
        #expect(fault { try ask(channel) }?.code == .unavailable, "and nobody is asked again")
    }

    @Test func `An engine's report is read as strictly as a file`() throws {
        let report = EngineReport(
            inputs: [TensorSpecification(name: "a", type: .int32, shape: [2, -1])],
            outputs: [TensorSpecification(name: "b", type: .fp32, shape: [])])
        #expect(try EngineReport(json: report.json) == report)
        let port = TensorSpecification(name: "a", type: .int32, shape: [1])
        let many = EngineReport(inputs: Array(repeating: port, count: 17), outputs: [])
        #expect(fault { try EngineReport(json: many.json) }?.code == .unsupported)
        let deep = TensorSpecification(
            name: "a", type: .int32, shape: Array(repeating: 1, count: 9))
        let deeper = EngineReport(inputs: [deep], outputs: [])
        #expect(fault { try EngineReport(json: deeper.json) }?.code == .unsupported)
        for text in ["", "{}", #"{"version":1,"inputs":[],"outputs":[{"name":"a"}]}"#] {
            #expect(fault { try EngineReport(json: Array(text.utf8)) } != nil)
        }
    }

    @Test func `An order crosses whole`() throws {
        let order = try order()
        #expect(try EngineOrder(json: order.json) == order)
    }

    @Test func `A phase that there is not is none`() throws {
        let channel = try EngineChannel(try order())
        #expect(channel.phase == .starting)
        channel.memory.word(at: ChannelLayout.phase).set(77)
        #expect(channel.phase == nil)
        #expect(fault { try channel.report() } != nil)
    }
}

@Suite struct `Words of shared memory` {
    @Test(.timeLimit(.minutes(1)))
    func `Of two that wait for each other's words none sleeps on`() throws {
        let memory = try SharedMemory("canopy-test", size: 4096)
        let (there, back) = (memory.word(at: 0), memory.word(at: 64))
        let rounds: UInt32 = 2_000
        // Longer than the test may take: a wake-up that is lost is a failure, and not a delay.
        let patience = Interval.seconds(90)
        let other = try #require(
            WorkerThread {
                for round in 1...rounds {
                    while there.value != round { there.wait(while: round - 1, atMost: patience) }
                    back.set(round)
                }
            })
        for round in 1...rounds {
            there.set(round)
            while back.value != round { back.wait(while: round - 1, atMost: patience) }
        }
        other.join()
        #expect(there.value == rounds && back.value == rounds)
    }
}
