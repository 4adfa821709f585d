import Ground
import Testing

@testable import Wire

/// Hand-made bytes: what no client's library writes by itself.
@Suite struct RequestTests {
    private func tensor(
        name: String = "x", type: String = "UINT8", shape: [UInt8] = [2], more: [UInt8] = []
    ) -> [UInt8] {
        field(5, field(1, Array(name.utf8)) + field(2, Array(type.utf8)) + field(3, shape) + more)
    }

    private func decode(_ bytes: [UInt8]) throws -> InferRequest {
        try InferRequest.decode(Bytes(bytes))
    }

    @Test func `Nothing is an empty request`() throws {
        let request = try decode([])
        #expect(request.model.isEmpty && request.inputs.isEmpty && request.parameters.isEmpty)
    }

    @Test func `Unknown fields are skipped wherever they stand`() throws {
        let varint: [UInt8] = [0xF8, 0x06, 0x96, 0x01]
        let fixed: [UInt8] = [0xFD, 0x06, 1, 2, 3, 4]
        let unknown = varint + fixed + field(15, [9, 9])
        let bytes =
            unknown + field(1, Array("m".utf8)) + unknown + tensor(more: field(15, [1])) + unknown
            + field(7, [4, 5]) + unknown
        let request = try decode(bytes)
        #expect(request.model == "m")
        #expect(request.inputs[0].contents.array == [4, 5])
    }

    @Test func `Shapes are read packed and unpacked alike`() throws {
        let unpacked = field(
            5, field(1, [120]) + field(2, Array("UINT8".utf8)) + [0x18, 2, 0x18, 1])
        let request = try decode(unpacked + field(7, [4, 5]))
        #expect(request.inputs[0].shape == [2, 1])
    }

    @Test func `Of two parameters with one name the later holds`() throws {
        func entry(_ value: UInt8) -> [UInt8] {
            field(4, field(1, [97]) + field(2, [0x10, value]))
        }
        #expect(try decode(entry(1) + entry(2)).parameters == ["a": .int64(2)])
    }

    @Test func `A NUL inside a name is kept, for it makes another name`() throws {
        #expect(try decode(field(1, [97, 0, 98])).model == "a\0b")
    }

    @Test func `Text that is not UTF-8 is refused`() throws {
        let fault = try fault { try decode(field(3, [0xC3, 0x28])) }
        #expect(fault.message.contains("id is not UTF-8"))
    }

    @Test func `A fault names the input, what came and what was expected`() throws {
        let raw = field(7, [1, 2])
        let table: [(bytes: [UInt8], words: [String])] = [
            (tensor(shape: [3]) + raw, ["'x'", "2 bytes", "expected 3", "UINT8 [3]"]),
            (tensor(type: "FLOAT") + raw, ["'x'", "'FLOAT'", "FP32"]),
            (tensor() + raw + raw, ["2 raw contents", "1 inputs"]),
            (tensor(), ["'x'", "0 bytes", "expected 2"]),
            (tensor(more: field(5, [0x20, 1])) + raw, ["'x'", "raw contents and typed"]),
            (
                tensor(more: field(5, [0x18, 1])),
                ["'x'", "UINT8", "int64_contents", "uint_contents"]
            ),
            (tensor(more: field(5, [0x18, 1, 0x20, 1])), ["'x'", "more than one type"]),
            (
                tensor(shape: [1], more: field(5, [0x20, 0x80, 2])),
                ["'x'", "256", "outside UINT8"]
            ),
            (tensor(type: "BYTES", shape: [1]) + raw, ["'x'", "do not add up"]),
            (
                tensor(type: "BYTES", shape: [2]) + field(7, [0, 0, 0, 0]),
                ["'x'", "1 elements", "expected 2"]
            ),
            (
                tensor(shape: [UInt8](repeating: 0xFF, count: 9) + [1]) + raw,
                ["'x'", "dimension 0", "-1"]
            ),
            (field(4, field(1, [97])), ["'a'", "no value"]),
            (
                tensor(
                    more: field(
                        4, field(1, Array("shared_memory_region".utf8)) + field(2, [8, 1]))),
                ["'x'", "shared memory"]
            ),
        ]
        for row in table {
            let fault = try fault { try decode(row.bytes) }
            for word in row.words {
                #expect(fault.description.contains(word), "\(fault)")
            }
            #expect(fault.source == .client)
        }
    }

    @Test(arguments: ["protobuf", "JSON"])
    func `What a message unpacks to counts in its budget`(form: String) throws {
        // Numbers of one byte each, which take eight.
        let count = 4096
        var message = field(
            5,
            field(1, [120]) + field(2, Array("INT64".utf8)) + field(3, [0x80, 0x20])
                + field(5, field(3, [UInt8](repeating: 1, count: count))))
        if form == "JSON" {
            let numbers = Array(repeating: "1", count: count).joined(separator: ",")
            message = Array(
                """
                {"inputs": [{"name": "x", "datatype": "INT64", "shape": [\(count)],
                "data": [\(numbers)]}]}
                """.utf8)
        }
        let budget = ByteBudget(limit: 64 << 10)
        func read() throws -> InferRequest {
            let slab = try #require(budget.allocate(capacity: message.count))
            slab.base.copyMemory(from: message, byteCount: message.count)
            let bytes = Bytes(slab: slab, start: 0, count: message.count)
            return form == "JSON"
                ? try InferRequest.decodeJSON(bytes, model: "m") : try InferRequest.decode(bytes)
        }
        var held: InferRequest? = try read()
        #expect(held?.inputs[0].elementCount == count)
        #expect((8 * count...9 * count).contains(budget.used))
        let fault = try fault { try read() }
        #expect(fault.code == .exhausted && fault.retry == .after(.milliseconds(100)))
        held = nil
        #expect(budget.used == 0)
    }

    @Test func `A shape that overflows is refused, not multiplied`() throws {
        let huge: [UInt8] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40]
        let fault = try fault { try decode(tensor(shape: huge + huge) + field(7, [1])) }
        #expect(fault.message.contains("too many elements"))
    }

    @Test func `A shape with a zero has no elements, however large its other sizes`() throws {
        let huge: [UInt8] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40]
        let request = try decode(tensor(shape: huge + [0] + huge) + field(7, []))
        #expect(request.inputs[0].elementCount == 0)
    }

    @Test func `Every bound holds at the bound and refuses one past it`() throws {
        func times(_ count: Int, _ bytes: [UInt8]) -> [UInt8] {
            Array([[UInt8]](repeating: bytes, count: count).joined())
        }
        let empty = tensor(shape: [0])
        let output = field(6, [])
        let parameters = (0...WireLimits.parameters).map {
            field(4, field(1, Array("p\($0)".utf8)) + field(2, [8, 1]))
        }
        let within: [[UInt8]] = [
            times(WireLimits.tensors, empty), times(WireLimits.tensors, output),
            Array(parameters.dropLast().joined()),
            tensor(shape: times(WireLimits.rank, [1])) + field(7, [1]),
        ]
        for bytes in within { _ = try decode(bytes) }
        let past: [[UInt8]] = [
            times(WireLimits.tensors + 1, empty), times(WireLimits.tensors + 1, output),
            times(WireLimits.tensors + 1, field(7, [])), Array(parameters.joined()),
            tensor(shape: times(WireLimits.rank + 1, [1])) + field(7, [1]),
        ]
        for bytes in past {
            let fault = try fault { try decode(bytes) }
            #expect(fault.code == .exhausted, "\(fault)")
        }
    }

    @Test func `Fifty thousand empty tensors are refused before they take many times their size`()
        throws
    {
        let bytes = Array(repeatElement([0x2A, 0] as [UInt8], count: 50_000).joined())
        let fault = try fault { try decode(bytes) }
        #expect(fault.code == .exhausted)
        #expect(fault.remedy != nil)
    }

    @Test func `Large contents go out as the slices that came in, small ones with the head`() throws
    {
        let large = Bytes([UInt8](repeating: 7, count: WireLimits.inlineContents + 1))
        let small = Bytes([UInt8](repeating: 8, count: WireLimits.inlineContents))
        func tensor(_ name: String, _ contents: Bytes) -> InferTensor {
            InferTensor(name: name, datatype: .uint8, shape: [contents.count], contents: contents)
        }
        let request = InferRequest(
            model: "m",
            inputs: [
                tensor("a", small), tensor("b", large), tensor("c", small), tensor("d", large),
            ])
        let slices = request.encode()
        #expect(slices.count == 4)
        #expect(slices[1].slab === large.slab && slices[3].slab === large.slab)
        let copy = try again(request)
        #expect(copy.inputs.map(\.contents.array) == request.inputs.map(\.contents.array))
        let only = InferResponse(model: "m", outputs: [tensor("a", small)])
        #expect(only.encode().count == 1)
        #expect(try again(StreamResponse(only)).response?.outputs.count == 1)
    }

    @Test func `A stream's answer of any size carries its length before it`() throws {
        for size in [0, 1, 100, 127, 128, 1024, 1025, 16_384, 300_000] {
            let contents = Bytes([UInt8](repeating: 1, count: size))
            let tensor = InferTensor(
                name: "x", datatype: .uint8, shape: [size], contents: contents)
            let answer = try again(StreamResponse(InferResponse(model: "m", outputs: [tensor])))
            #expect(answer.response?.outputs.first?.contents.count == size)
        }
    }
}
