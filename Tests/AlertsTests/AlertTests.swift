import Ground
import Testing

@testable import Alerts

@Suite struct AlertTests {
    @Test func `A detection says all that is known, and nothing that is not`() {
        var alert = Alert.numbered(4711)
        alert.time = WallTime(nanoseconds: 1_795_310_084_123_456_789)
        let text = String(decoding: alert.json(lost: 2).canonical, as: UTF8.self)
        #expect(
            text == """
                {"confidence":0.99,"id":"leaf/meter/cam/4711","kind":"detection","label":"9",\
                "lost":2,"node":"leaf","schema":"canopy.alert/1","sequence":4711,"site":"mill",\
                "stream":"cam","task":"meter","threshold":0.98,"tier":"leaf",\
                "time":"2026-11-22T01:14:44.123Z"}
                """)
    }

    @Test func `A condition says which, of whom and whether it is there`() {
        let alert = Alert(
            id: "x", origin: AlertOrigin(node: "leaf", tier: "leaf", site: nil),
            time: WallTime(nanoseconds: 0), since: .at(0),
            content: .condition(
                ConditionReport(condition: "breaker-open", subject: "region", state: .raised)))
        let text = String(decoding: alert.json().canonical, as: UTF8.self)
        #expect(
            text == """
                {"condition":"breaker-open","id":"x","kind":"operator","node":"leaf",\
                "schema":"canopy.alert/1","state":"raised","subject":"region","tier":"leaf",\
                "time":"1970-01-01T00:00:00.000Z"}
                """)
    }

    @Test(arguments: [
        (Int64(951_782_400), "2000-02-29T00:00:00.000Z"),
        (951_868_799, "2000-02-29T23:59:59.000Z"), (951_868_800, "2000-03-01T00:00:00.000Z"),
        (1_709_164_800, "2024-02-29T00:00:00.000Z"), (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.000Z"), (-2_208_988_800, "1900-01-01T00:00:00.000Z"),
    ])
    func `Times are written as RFC 3339 has it`(_ seconds: Int64, _ text: String) {
        #expect(Timestamp.text(WallTime(nanoseconds: seconds * 1_000_000_000)) == text)
    }

    @Test func `The same frame has the same id, and no other has it`() {
        var ids = AlertIDs(node: "leaf", boot: 0x5f)
        func detection(_ stream: String?, _ sequence: Int?) -> Detection {
            Detection(
                task: "meter", label: "9", confidence: 1, threshold: 0.9, stream: stream,
                sequence: sequence)
        }
        let first = ids.id(of: detection("gate/3", 5))
        #expect(first == "leaf/meter/gate/3/5" && ids.id(of: detection("gate/3", 5)) == first)
        let others = [
            ids.id(of: detection("gate", 5)), ids.id(of: detection(nil, 5)),
            ids.id(of: detection("gate/3", nil)), ids.id(of: detection(nil, nil)),
            ids.id(condition: "shedding", subject: ""), ids.id(condition: "shedding", subject: ""),
        ]
        #expect(Set(others + [first]).count == 7)
        #expect(others[1] == "leaf/meter//5f-1")
    }
}
