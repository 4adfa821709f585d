import Ground
import Testing

@testable import Inference

private func image(_ change: (inout [String: String]) -> Void = { _ in }) -> String {
    var members = [
        "version": "1", "input": #""image""#, "kind": #""image""#, "color": #""rgb""#,
        "steps": "[]", "layout": #""NCHW""#, "type": #""FP32""#,
    ]
    change(&members)
    return "{" + members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
}

private func preprocessingFault(_ text: String) -> String? {
    fault { try Preprocessing(file: Array(text.utf8)) }.map(\.description)
}

@Suite struct `Files of a bundle` {
    @Test func `A complete image preprocessing is read into its value`() throws {
        let text = image {
            $0["steps"] = """
                [{"op":"crop","fraction":0.875},{"op":"crop","width":3,"height":4},
                 {"op":"resize","width":28,"height":29,"filter":"box"},
                 {"op":"resize","shortest":256,"filter":"bicubic"}]
                """
            $0["mean"] = "[1,2,3]"
            $0["scale"] = "[0.5,1e-1,2]"
        }
        guard case .image(let value) = try Preprocessing(file: Array(text.utf8)) else {
            Issue.record("no image")
            return
        }
        #expect(
            value.steps == [
                .cropFraction(0.875), .crop(width: 3, height: 4),
                .resize(width: 28, height: 29, filter: .box),
                .resizeShortest(256, filter: .bicubic),
            ])
        #expect(value.mean == [1, 2, 3] && value.scale == [0.5, 0.1, 2])
    }

    @Test(arguments: [
        (image { $0["flip"] = "true" }, "unknown key \"flip\""),
        (image { $0["version"] = "2" }, "version is 2"),
        (image { $0["color"] = #""cmyk""# }, "“cmyk”"),
        (image { $0["layout"] = nil }, "no \"layout\""),
        (image { $0["type"] = #""FP16""# }, "FP16"),
        (image { $0["mean"] = "[1,2]" }, "2 numbers where 3"),
        (
            image {
                $0["type"] = #""UINT8""#
                $0["mean"] = "[1,2,3]"
            }, "unknown key \"mean\""
        ),
        (image { $0["steps"] = #"[{"op":"rotate"}]"# }, "steps[0] \"op\": “rotate”"),
        (
            image { $0["steps"] = #"[{"op":"resize","width":1,"height":1,"filter":"lanczos"}]"# },
            "“lanczos” where one of"
        ),
        (image { $0["steps"] = #"[{"op":"crop","fraction":0}]"# }, "above 0, at most 1"),
        (
            image { $0["steps"] = #"[{"op":"crop","fraction":1,"width":2}]"# },
            "unknown key \"width\""
        ),
        (
            image { $0["steps"] = #"[{"op":"crop","width":2.5,"height":2}]"# },
            "a whole number from 1 to 8192"
        ),
        (image { $0["input"] = "7" }, "the number 7 where a string"),
        ("{\"version\":1,\"version\":1}", "“version” once"),
        ("[1]", "an array of 1 where an object"),
        (image() + "x", "the end was expected"),
    ])
    func `What is not in the format is refused by name`(text: String, expected: String) throws {
        let message = try #require(preprocessingFault(text))
        #expect(message.contains(expected))
        #expect(message.contains("preprocessing.json"))
    }

    @Test(arguments: ["", "{", "{\"version\":1,}", "nul", "{\"version\":1}x", "\u{FEFF}{}"])
    func `Text that is not JSON is refused as the bundle's fault, by the file's name`(
        text: String
    ) throws {
        let problem = try #require(fault { try Postprocessing(file: Array(text.utf8)) })
        #expect(problem.code == .corrupt)
        #expect(problem.message.contains("postprocessing.json"))
    }

    @Test func `A calibration whose columns differ in length is refused`() throws {
        let text = """
            {"version":1,"temperature":1.5,"fitted_on":"v",
             "scores":{"source":"c","max_softmax":[0.5,0.7],"margin":[0.1],
             "entropy":[0.2,0.3],"correct":[1,0]}}
            """
        let problem = try #require(fault { try Calibration(file: Array(text.utf8)) })
        #expect(problem.message.contains("\"margin\": 1 numbers"))
        let mended = text.replacing("[0.1]", with: "[0.1,0.4]")
        let value = try Calibration(file: Array(mended.utf8))
        #expect(value.temperature == 1.5 && value.correct == [true, false])
    }

    @Test func `Probabilities with a temperature other than one are refused`() throws {
        let problem = fault {
            try source(
                "scale.onnx", image(),
                #"{"version":1,"kind":"classification","output":"o","activation":"none","top":5}"#,
                labels: "a\nb\n",
                calibration: """
                    {"version":1,"temperature":2,"fitted_on":"v","scores":{"source":"c",
                     "max_softmax":[],"margin":[],"entropy":[],"correct":[]}}
                    """)
        }
        #expect(problem?.message.contains("temperature 2.0") == true)
    }

    @Test func `A classification without labels is refused`() {
        let problem = fault {
            try source(
                "scale.onnx", image(),
                """
                {"version":1,"kind":"classification","output":"o","activation":"softmax",
                 "top":1}
                """
            )
        }
        #expect(problem?.message.contains("labels.txt") == true)
    }
}
