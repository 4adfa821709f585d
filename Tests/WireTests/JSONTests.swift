import Ground
import Testing

@testable import Wire

private func bytes(_ text: String) -> Bytes { Bytes(Array(text.utf8)) }

/// Reads one whole value with `body`.
private func reading<R>(
    _ text: [UInt8], _ body: (inout JSONReader) throws(Fault) -> R
) throws(Fault) -> R {
    try Bytes(text).withUnsafeBytes { (raw) throws(Fault) in
        var reader = JSONReader(raw)
        let value = try body(&reader)
        try reader.end()
        return value
    }
}

@Suite struct JSONReaderTests {
    @Test(
        arguments: [
            ("0", 0.0), ("-0", -0.0), ("1.5", 1.5), ("-1e2", -100), ("1E+2", 100), ("25e-2", 0.25),
            ("0.1", 0.1), ("3.0000000054977558e+38", 3.0000000054977558e+38),
            ("5e-324", .leastNonzeroMagnitude),
            ("9007199254740993", 9_007_199_254_740_992),
            ("123456789012345678901234567890", 1.2345678901234568e29),
            ("1e-400", 0), ("1.7976931348623157e308", .greatestFiniteMagnitude),
            ("0.30000000000000004", 0.30000000000000004), ("1e23", 1e23), ("8.5e-23", 8.5e-23),
        ] as [(String, Double)])
    func `A number reads as the nearest double`(_ text: String, _ expected: Double) throws {
        let value = try reading(Array(text.utf8)) { (r) throws(Fault) in try r.number() }.double
        #expect(value.bitPattern == expected.bitPattern)
    }

    @Test func `Random doubles survive being written and read`() throws {
        var random = Randomness(seed: 7)
        for _ in 0..<5000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            var json = JSONWriter()
            json.number(value)
            let text = json.bytes.array
            let read = try reading(text) { (r) throws(Fault) in try r.number() }.double
            #expect(read.bitPattern == value.bitPattern, "\(value)")
        }
    }

    @Test func `Whole numbers of 64 bits are exact, and one more is no whole number`() throws {
        func whole<T: FixedWidthInteger & Sendable>(_ text: String, _ type: T.Type) throws -> T? {
            try reading(Array(text.utf8)) { (r) throws(Fault) in try r.number() }.whole(type)
        }
        #expect(try whole("18446744073709551615", UInt64.self) == .max)
        #expect(try whole("18446744073709551616", UInt64.self) == nil)
        #expect(try whole("9223372036854775807", Int64.self) == .max)
        #expect(try whole("-9223372036854775808", Int64.self) == .min)
        #expect(try whole("-9223372036854775809", Int64.self) == nil)
        #expect(try whole("2.0", UInt8.self) == 2)
        #expect(try whole("256", UInt8.self) == nil)
        #expect(try whole("-1", UInt8.self) == nil)
    }

    @Test(arguments: [
        "01", "-", "1.", ".5", "1e", "+1", "1e999", "--1", "tru", "nul", "'a'", "[1,]", "[1 2]",
        "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "[", "{", "\"", "\"\\", "\"\\x\"", "\"\\u12\"",
        "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\u{01}\"", "1 1", "", "NaN", "]",
    ])
    func `What is no JSON is refused`(_ text: String) throws {
        let fault = try fault {
            try reading(Array(text.utf8)) { (r) throws(Fault) in try r.skip() }
            // `skip` does not join the string, so a broken escape shows when it is read.
        }
        #expect(fault.message.hasPrefix("JSON"), "\(text)")
        #expect(fault.code == .invalid)
    }

    @Test func `Escapes read as what they stand for`() throws {
        let text = #""a\"\\\/\b\f\n\r\t\u00e4\u20ac\ud83d\ude00z""#
        let value = try reading(Array(text.utf8)) { (r) throws(Fault) in try r.string() }
        #expect(value == "a\"\\/\u{8}\u{c}\n\r\tä€😀z")
    }

    @Test func `A string that is not UTF-8 is refused`() throws {
        for broken: [UInt8] in [[0xC3, 0x28], [0xFF], [0xED, 0xA0, 0x80]] {
            let text = [UInt8(ascii: "\"")] + broken + [UInt8(ascii: "\"")]
            #expect(throws: Fault.self) {
                try reading(text) { (r) throws(Fault) in try r.string() }
            }
        }
    }

    @Test func `Thirty-two levels are read, thirty-three are refused`() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array(
                (String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        try reading(nested(32)) { (r) throws(Fault) in try r.skip() }
        let fault = try fault {
            try reading(nested(33)) { (r) throws(Fault) in try r.skip() }
        }
        #expect(fault.code == .exhausted)
    }

    @Test func `Every string survives being written and read`() throws {
        for text in ["", "a", "\"\\/", "\n\t\r\u{0}\u{1f}", "wärme 😀", "\u{7f}"] {
            var json = JSONWriter()
            json.string(text)
            let written = json.bytes.array
            let value = try reading(written) { (r) throws(Fault) in try r.string() }
            #expect(value == text)
        }
    }

    @Test func `Base64 agrees with the table of RFC 4648, and takes nothing else`() {
        let table = [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ]
        for (plain, text) in table {
            #expect(Array(plain.utf8).withUnsafeBytes { Base64.encode($0) } == text)
            #expect(Base64.decode(Array(text.utf8)) == Array(plain.utf8))
        }
        for wrong in [
            "Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n", "Zm-_", "=Zg=",
        ] {
            #expect(Base64.decode(Array(wrong.utf8)) == nil, "\(wrong)")
        }
    }
}

@Suite struct InferJSONTests {
    private func decode(_ text: String) throws -> InferRequest {
        try InferRequest.decodeJSON(bytes(text), model: "m")
    }

    private func input(_ members: String) throws -> InferTensor {
        try decode("{\"inputs\":[{\"name\":\"x\",\(members)}]}").inputs[0]
    }

    @Test func `A request of tritonclient's REST reads as JSON and as binary alike`() throws {
        let json = try InferRequest.decodeJSON(
            golden("rest-json"), model: "meter-digits", version: "1")
        let body = try golden("rest-binary")
        let binary = try InferRequest.decodeJSON(
            body, headerLength: 301, model: "meter-digits", version: "1")
        for request in [json, binary] {
            #expect(request.model == "meter-digits" && request.version == "1")
            #expect(request.id == "frame-42")
            #expect(request.parameters == ["canopy.stream": .string("cam-1")])
            #expect(request.inputs.map(\.shape) == [[2, 3], [2]])
            #expect(request.inputs.allSatisfy { $0.parameters.isEmpty })
            #expect(request.inputs[1].elements?.map(\.array) == [Array("hi".utf8), []])
        }
        #expect(json.inputs[0].contents.array == binary.inputs[0].contents.array)
        #expect(binary.inputs[0].contents.slab === body.slab)
        #expect(json.outputs[0].parameters.bool("binary_data") == false)
        #expect(binary.outputs[0].parameters.bool("binary_data") == true)
    }

    @Test func `Data reads into every type, nested or flat, before its type or behind it`() throws {
        let table: [(String, [UInt8])] = [
            (#""datatype":"BOOL","shape":[4],"data":[true,false,1,0]"#, [1, 0, 1, 0]),
            (#""datatype":"INT8","shape":[2],"data":[-128,127]"#, [128, 127]),
            (#""datatype":"UINT16","shape":[1],"data":[258]"#, [2, 1]),
            (#""data":[[1,2],[3,4]],"shape":[2,2],"datatype":"UINT8""#, [1, 2, 3, 4]),
            (#""datatype":"INT64","shape":[1,1],"data":[[-2]]"#, little(Int64(-2))),
            (#""datatype":"UINT64","shape":[1],"data":[18446744073709551615]"#, little(UInt64.max)),
            (#""datatype":"FP16","shape":[2],"data":[1,-0.5]"#, little(Float16(1), -0.5)),
            (
                #""datatype":"BF16","shape":[3],"data":[1,-2,0.1]"#,
                [0x80, 0x3F, 0, 0xC0, 0xCD, 0x3D]
            ),
            (#""datatype":"FP32","shape":[2],"data":[0.1,3]"#, little(Float(0.1), 3)),
            (#""datatype":"FP64","shape":[1],"data":[1e-3]"#, little(0.001)),
            (
                #""datatype":"BYTES","shape":[2],"data":["ä",""]"#,
                [2, 0, 0, 0, 0xC3, 0xA4, 0, 0, 0, 0]
            ),
            (
                #""datatype":"BYTES","shape":[1],"data":["/w=="],"#
                    + #""parameters":{"canopy.encoding":"base64"}"#,
                [1, 0, 0, 0, 255]
            ),
            (#""datatype":"FP32","shape":[0,3],"data":[]"#, []),
            (#""datatype":"UINT8","shape":[],"data":[9]"#, [9]),
        ]
        for (members, expected) in table {
            #expect(try input(members).contents.array == expected, "\(members)")
        }
    }

    @Test func `A fault names the input, what came and what was expected`() throws {
        let table: [(String, [String])] = [
            (#""datatype":"UINT8","shape":[2],"data":[1]"#, ["'x'", "1 elements", "expected 2"]),
            (#""datatype":"UINT8","shape":[1],"data":[1,2]"#, ["'x'", "more than the 1"]),
            (#""datatype":"UINT8","shape":[1],"data":[256]"#, ["element 0", "'x'", "UINT8"]),
            (#""datatype":"INT32","shape":[1],"data":[1.5]"#, ["element 0", "'x'", "INT32"]),
            (#""datatype":"FP32","shape":[1],"data":[1e39]"#, ["element 0", "'x'", "FP32"]),
            (#""datatype":"BF16","shape":[1],"data":[3.4e38]"#, ["element 0", "'x'", "BF16"]),
            (#""datatype":"FP32","shape":[1],"data":[null]"#, ["'n'", "a number"]),
            (#""datatype":"BOOL","shape":[1],"data":[2]"#, ["element 0", "'x'", "BOOL"]),
            (#""datatype":"FLOAT","shape":[1],"data":[1]"#, ["'x'", "'FLOAT'", "FP32"]),
            (#""datatype":"FP32","data":[1]"#, ["'x'", "shape"]),
            (#""datatype":"FP32","shape":[-1],"data":[1]"#, ["dimension 0", "'x'"]),
            (#""datatype":"FP32","shape":[1]"#, ["'x'", "0 bytes", "expected 4"]),
            (#""datatype":"FP32","shape":[9999999999,9999999999],"data":[1]"#, ["'x'", "fewer"]),
            (#""datatype":"BYTES","shape":[1],"data":[1]"#, ["'1'", "a string"]),
            (
                #""datatype":"BYTES","shape":[1],"data":["0"],"#
                    + #""parameters":{"canopy.encoding":"hex"}"#,
                ["'x'", "'hex'", "base64"]
            ),
            (
                #""datatype":"BYTES","shape":[1],"data":["a"],"#
                    + #""parameters":{"canopy.encoding":"base64"}"#,
                ["element 0", "'x'", "base64"]
            ),
            (#""datatype":"FP32","shape":[1],"parameters":{"a":[1]},"data":[1]"#, ["'a'", "'x'"]),
            (
                #""datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}"#,
                ["'x'", "is 4", "0 bytes are left"]
            ),
        ]
        for (members, words) in table {
            let fault = try fault { try input(members) }
            for word in words { #expect(fault.description.contains(word), "\(members): \(fault)") }
            #expect(fault.code == .invalid)
        }
    }

    @Test func `A tensor in shared memory is refused, whatever else is said of it`() throws {
        let place = #""parameters":{"shared_memory_region":"r"}"#
        for members in [
            #""datatype":"FP32","shape":[0],"#, #""datatype":"FP32","shape":[1],"data":[1],"#,
        ] {
            let fault = try fault { try input(members + place) }
            #expect(fault.code == .unsupported && fault.message.contains("shared memory"))
        }
    }

    @Test func `Binary data must end where the body ends`() throws {
        let body = try golden("rest-binary").array
        for (bytes, length) in [(body + [0], 301), (Array(body.dropLast()), 301), (body, 300)] {
            #expect(throws: Fault.self) {
                try InferRequest.decodeJSON(Bytes(bytes), headerLength: length, model: "m")
            }
        }
        for length in [-1, body.count + 1] {
            let fault = try fault {
                try InferRequest.decodeJSON(Bytes(body), headerLength: length, model: "m")
            }
            #expect(fault.message.contains("Inference-Header-Content-Length is \(length)"))
        }
    }

    @Test func `A document cut at any byte is refused`() throws {
        let whole = try golden("rest-json")
        for length in 0..<whole.count {
            #expect(throws: Fault.self) {
                try InferRequest.decodeJSON(Bytes(whole[0..<length].array), model: "m")
            }
        }
    }

    @Test func `Ten thousand mutations of a document end in a request or a fault`() throws {
        var random = Randomness(seed: 10_000)
        let whole = try golden("rest-json").array
        let letters = Array("{}[]\",:0-9e.\\ut".utf8)
        var read = 0
        for _ in 0..<10_000 {
            var text = whole
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                text[Int.random(in: 0..<text.count, using: &random)] = letters.randomElement(
                    using: &random)!
            }
            if (try? InferRequest.decodeJSON(Bytes(text), model: "m")) != nil { read += 1 }
        }
        #expect(read > 100 && read < 9_900)
    }

    @Test func `An answer has its data in JSON, or behind it where the request says so`() throws {
        let answer = InferResponse(
            model: "m", version: "1", id: "7", parameters: ["canopy.tier": .string("leaf")],
            outputs: [
                InferTensor(
                    name: "score", datatype: .fp32, shape: [3],
                    contents: Bytes(little(Float(0.1), .infinity, 1e-5))),
                InferTensor(name: "label", elements: [Array("ä\"".utf8)]),
                InferTensor(name: "blob", elements: [[0xFF]]),
            ])
        let plain = answer.json(answering: InferRequest(model: "m", inputs: []))
        #expect(plain.headerLength == nil)
        #expect(
            String(decoding: joined(plain.body), as: UTF8.self)
                == #"{"model_name":"m","model_version":"1","id":"7","#
                + #""parameters":{"canopy.tier":"leaf"},"outputs":[{"name":"score","#
                + #""datatype":"FP32","shape":[3],"data":[0.1,null,1e-05]},{"name":"label","#
                + #""datatype":"BYTES","shape":[1],"data":["ä\""]},"#
                + #"{"name":"blob","datatype":"BYTES","shape":[1],"#
                + #""parameters":{"canopy.encoding":"base64"},"data":["/w=="]}]}"#)
        let asked = InferRequest(
            model: "m", parameters: ["binary_data_output": .bool(true)], inputs: [],
            outputs: [.init(name: "label", parameters: ["binary_data": .bool(false)])])
        let binary = answer.json(answering: asked)
        let head = try #require(binary.headerLength)
        let body = joined(binary.body)
        #expect(Array(body[head...]) == little(Float(0.1), .infinity, 1e-5) + [1, 0, 0, 0, 255])
        let text = String(decoding: body[..<head], as: UTF8.self)
        #expect(text.contains(#""binary_data_size":12"#) && text.contains(#""data":["ä\""]"#))
    }

    @Test func `Data of every type reads back from what was written`() throws {
        var random = Randomness(seed: 3)
        for datatype in Datatype.allCases where datatype != .bytes {
            var raw = (0..<datatype.size! * 40).map { _ in UInt8.random(in: 0...255, using: &random)
            }
            if datatype == .bool { raw = raw.map { $0 & 1 } }
            // The infinite cannot be said: clear an exponent bit of every float.
            let high = [.fp16: 0xBF, .bf16: 0xBF, .fp32: 0xBF, .fp64: 0xBF][datatype] ?? 0xFF
            let size = datatype.size!
            for index in raw.indices where index % size == size - 1 { raw[index] &= UInt8(high) }
            let tensor = InferTensor(
                name: "x", datatype: datatype, shape: [40], contents: Bytes(raw))
            var json = JSONWriter()
            json.data(tensor, base64: false)
            let copy = try json.bytes.withUnsafeBytes { text throws(Fault) in
                var reader = JSONReader(text)
                return try TensorJSON(
                    name: "x", datatype: datatype, shape: [40], base64: false,
                    memory: Slab(capacity: 0)
                ).read(&reader)
            }
            #expect(copy.array == raw, "\(datatype)")
        }
    }

    @Test func `Metadata and configuration in JSON are Triton's`() throws {
        let metadata = ModelMetadata(
            name: "m", versions: ["1"], platform: "canopy",
            inputs: [TensorMetadata(name: "x", datatype: .bytes, shape: [-1, 1])], outputs: [])
        #expect(
            metadata.json.array
                == Array(
                    (#"{"name":"m","versions":["1"],"platform":"canopy","inputs":[{"name":"x","#
                        + #""datatype":"BYTES","shape":[-1,1]}],"outputs":[]}"#).utf8))
        let config = ModelConfiguration(
            name: "m", platform: "canopy", backend: "b", inputs: metadata.inputs, outputs: [])
        #expect(
            config.json.array
                == Array(
                    (#"{"name":"m","platform":"canopy","backend":"b","max_batch_size":0,"#
                    + #""input":[{"name":"x","#
                        + #""data_type":"TYPE_STRING","dims":[-1,1]}],"output":[],"#
                        + #""model_transaction_policy":{"decoupled":false}}"#).utf8))
        let server = ServerMetadata(name: "canopy", version: "1", extensions: ["a"])
        #expect(
            server.json.array
                == Array(#"{"name":"canopy","version":"1","extensions":["a"]}"#.utf8))
        #expect(JSONWriter.error("no \"m\"").array == Array(#"{"error":"no \"m\""}"#.utf8))
    }
}
