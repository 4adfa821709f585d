import Testing

@testable import Ground

struct JSONTests {
    private func parse(_ text: String) throws(Fault) -> JSON {
        try JSON(parsing: Array(text.utf8), place: "test.json")
    }

    @Test(arguments: [
        ("null", JSON.null), (" true ", .bool(true)), ("-12", .integer(-12)), ("0", .integer(0)),
        ("9223372036854775807", .integer(.max)),
        ("9223372036854775808", .real(9_223_372_036_854_775_808)),
        ("1.5", .real(1.5)), ("1e2", .real(100)), ("-0.25E-1", .real(-0.025)),
        (#""a\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00""#, .string("a\"\\/\u{8}\u{C}\n\r\tä😀")),
        ("[]", .array([])), ("[1, [2]]", .array([.integer(1), .array([.integer(2)])])),
        ("{}", .object([:])), (#"{"a":{"b":null}}"#, .object(["a": .object(["b": .null])])),
    ])
    func `What is JSON is read`(text: String, value: JSON) throws {
        #expect(try parse(text) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "truee", "01", "+1", "1.", ".5", "1e", "--1", "1e999", "NaN", "[1,]",
        "[1 2]",
        "{a:1}", "{\"a\"}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "\"a", "\"\t\"", "\"\\x\"",
        "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "1 2", "[", "{",
        "{\"a\":1}}",
        "{\"a\":1,\"a\":2}", "// x\n1",
    ])
    func `What is not JSON is refused`(text: String) {
        #expect(throws: Fault.self) { try parse(text) }
    }

    @Test func `Bytes that are no UTF-8 are refused`() {
        for bytes: [UInt8] in [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0xEF, 0xBB, 0xBF, 0x31],
        ] {
            #expect(throws: Fault.self) { try JSON(parsing: bytes, place: "test.json") }
        }
    }

    @Test func `A fault names the place and the line`() {
        let fault = #expect(throws: Fault.self) { try parse("{\n  \"a\": 1,\n  b\n}") }
        #expect(fault?.message.contains("test.json, line 3") == true)
        #expect(fault?.message.contains("“b”") == true)
    }

    @Test func `Nesting is bounded`() throws {
        let deep = JSONReader.depthLimit - 1
        _ = try parse(String(repeating: "[", count: deep) + String(repeating: "]", count: deep))
        #expect(throws: Fault.self) { try parse(String(repeating: "[", count: 1_000_000)) }
    }

    @Test func `Canonical bytes are sorted by code point and escape as little as possible`() throws
    {
        let value = try parse(
            #"{"é":1,"z":"a\/b\u0007\n\"","a":[1.5,true,null],"😀":0,"\uffff":2, "A":{}}"#)
        #expect(
            String(decoding: value.canonical, as: UTF8.self)
                == "{\"A\":{},\"a\":[1.5,true,null],\"z\":\"a/b\\u0007\\n\\\"\",\"é\":1,"
                + "\"\u{FFFF}\":2,\"😀\":0}")
    }

    @Test func `Random values survive writing and reading`() throws {
        var random = Randomness(seed: 3)
        for _ in 0..<500 {
            let value = Self.value(&random, depth: 0)
            let again = try JSON(parsing: value.canonical, place: "test.json")
            #expect(again == value)
            #expect(again.canonical == value.canonical)
        }
    }

    private static func value(_ random: inout Randomness, depth: Int) -> JSON {
        switch random.next() % (depth < 4 ? 7 : 5) {
        case 0: return .null
        case 1: return .bool(random.next() & 1 == 0)
        case 2: return .integer(Int(truncatingIfNeeded: random.next()))
        case 3: return .real(random.unit() * 1e-3 + 0.1)
        case 4: return .string(text(&random))
        case 5: return .array((0..<random.next() % 4).map { _ in value(&random, depth: depth + 1) })
        default:
            var members: [String: JSON] = [:]
            for _ in 0..<random.next() % 4 {
                members[text(&random)] = value(&random, depth: depth + 1)
            }
            return .object(members)
        }
    }

    private static func text(_ random: inout Randomness) -> String {
        var text = ""
        for _ in 0..<random.next() % 6 {
            if let scalar = Unicode.Scalar(UInt32(random.next() % 0x250)) {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
