import Ground
import Testing

@testable import Inference

private let inputs = [
    TensorSpecification(name: "a", type: .fp32, shape: [1, 3]),
    TensorSpecification(name: "b", type: .int64, shape: [-1, 2]),
]

private func tensor(_ name: String, _ type: Datatype, _ shape: [Int], _ count: Int) -> Tensor {
    Tensor(name: name, type: type, shape: shape, bytes: Bytes([UInt8](repeating: 0, count: count)))
}

private let good = [tensor("b", .int64, [5, 2], 80), tensor("a", .fp32, [1, 3], 12)]

@Suite struct `Checking inputs` {
    @Test func `Right tensors are matched by name in any order`() throws {
        #expect(try matchInputs(good, with: inputs) == [1, 0])
    }

    @Test(arguments: [
        (tensor("c", .fp32, [1, 3], 12), "input \"c\": no such input"),
        (tensor("a", .fp64, [1, 3], 24), "datatype FP64 came, FP32 was"),
        (tensor("a", .fp32, [3, 1], 12), "shape [3, 1] came, [1, 3] was"),
        (tensor("a", .fp32, [1, 3], 11), "11 bytes came, 12 for FP32 [1, 3] was"),
        (tensor("b", .int64, [0, 2], 0), "shape [0, 2] came, [-1, 2] was"),
        (tensor("b", .int64, [1 << 60, 2], 0), "0 bytes came"),
        (tensor("b", .int64, [-1, 2], 16), "shape [-1, 2] came, [-1, 2] was"),
    ])
    func `A wrong tensor is refused, naming it, what came and what was expected`(
        wrong: Tensor, expected: String
    ) throws {
        var tensors = good.filter { $0.name != wrong.name }
        tensors.append(wrong)
        let problem = try #require(fault { try matchInputs(tensors, with: inputs) })
        #expect(problem.code == .invalid && problem.source == .client)
        #expect(problem.message.contains(expected), "\(problem.message)")
    }

    @Test func `A missing and a doubled tensor are refused`() {
        #expect(
            fault { try matchInputs([good[0]], with: inputs) }?.message.contains("0 tensors")
                == true)
        #expect(
            fault { try matchInputs(good + [good[1]], with: inputs) }?.message.contains("2 tensors")
                == true)
    }

    @Test func `An encoded image is the one element behind its length`() throws {
        let input = TensorSpecification(name: "image", type: .bytes, shape: [1])
        func tensor(_ name: String, _ shape: [Int], _ bytes: [UInt8]) -> Tensor {
            Tensor(name: name, type: .bytes, shape: shape, bytes: Bytes(bytes))
        }
        let image = try encodedImage(in: tensor("image", [1], [3, 0, 0, 0, 7, 8, 9]), input: input)
        #expect(image.array == [7, 8, 9])
        for wrong in [
            tensor("image", [1], [4, 0, 0, 0, 7, 8, 9]), tensor("image", [1], [1, 0]),
            tensor("image", [2], [0, 0, 0, 0, 0, 0, 0, 0]), tensor("frame", [1], [0, 0, 0, 0]),
        ] {
            #expect(fault { try encodedImage(in: wrong, input: input) }?.code == .invalid)
        }
    }
}
