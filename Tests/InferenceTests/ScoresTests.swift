import Glibc
import Ground
import Testing

@testable import Inference

private func classifier(
    _ labels: [String], top: Int = 5, temperature: Double = 1,
    activation: Postprocessing.Classification.Activation = .softmax
) -> Classifier {
    Classifier(activation: activation, top: top, temperature: temperature, labels: labels)
}

private func close(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 1e-9 }

@Suite struct `Scores and classes` {
    @Test(
        arguments: [
            // logits, temperature, max-softmax, margin, entropy; computed independently
            ([0, 0], 1.0, 0.5, 0.0, 0.0),
            ([2, 0], 1.0, 0.8807970779778823, 0.7615941559557647, 0.4729346589968382),
            ([2, 0], 2.0, 0.7310585786300049, 0.4621171572600098, 0.16005846201683083),
            ([1, 2, 3, 4], 0.5, 0.8649548767993754, 0.7478959635608425, 0.6714776921652668),
            ([1000, -1000], 1.0, 1.0, 1.0, 1.0),
            ([1, 0.5], 1e-310, 1.0, 1.0, 1.0),
        ] as [([Float], Double, Double, Double, Double)])
    func `Scores are those of the softmax after the temperature`(
        logits: [Float], temperature: Double, top: Double, margin: Double, entropy: Double
    ) {
        let labels = logits.indices.map { "\($0)" }
        let scores = classifier(labels, temperature: temperature).classify(logits).scores
        #expect(close(scores.maxSoftmax, top))
        #expect(close(scores.margin, margin))
        #expect(close(scores.entropy, entropy))
        #expect(scores.isWellFormed)
    }

    @Test func `One class alone is sure`() {
        let scores = classifier(["only"]).classify([-3]).scores
        #expect(scores == Scores(maxSoftmax: 1, margin: 1, entropy: 1))
    }

    @Test func `A zero probability adds nothing to the entropy`() {
        let scores = classifier(["a", "b", "c"], activation: .none).classify([0.5, 0.5, 0]).scores
        #expect(close(scores.entropy, 0.36907024642854247))
        let certain = classifier(["a", "b"], activation: .none).classify([1, 0]).scores
        #expect(certain == Scores(maxSoftmax: 1, margin: 1, entropy: 1))
    }

    @Test(arguments: [
        [Float.nan, 1], [.infinity, 1], [-.infinity, -.infinity], [.nan, .infinity],
    ])
    func `Logits that make no distribution give no confidence and no class`(logits: [Float]) {
        let (scores, classes) = classifier(["a", "b"]).classify(logits)
        #expect(scores == .malformed)
        #expect(scores.maxSoftmax == 0 && scores.margin == 0 && scores.entropy == 0)
        #expect(classes.isEmpty)
    }

    @Test(arguments: [[Float.nan, 1], [-0.5, 1.5], [0.2, 0.2], [3, 4]] as [[Float]])
    func `Probabilities that do not sum to one give no confidence`(values: [Float]) {
        let scores = classifier(["a", "b"], activation: .none).classify(values).scores
        #expect(!scores.isWellFormed && scores.maxSoftmax == 0)
    }

    @Test func `A logit of minus infinity is a class that is out of the question`() {
        let (scores, classes) = classifier(["a", "b", "c"]).classify([1, -.infinity, 1])
        #expect(close(scores.maxSoftmax, 0.5) && scores.isWellFormed)
        #expect(classes.map(\.index) == [0, 2, 1] && classes[2].probability == 0)
    }

    @Test func `The surest classes come first, equals by their index, no more than asked for`() {
        let classes = classifier(["a", "b", "c", "d", "e"], top: 3).classify([1, 3, 1, 3, 2])
            .classes
        #expect(classes.map(\.label) == ["b", "d", "e"])
        #expect(classifier(["a", "b"], top: 5).classify([0, 1]).classes.map(\.index) == [1, 0])
    }

    @Test(arguments: [Postprocessing.Classification.Activation.softmax, .none])
    func `The margin is between the two surest, though one alone may be listed`(
        activation: Postprocessing.Classification.Activation
    ) {
        let values: [Float] = activation == .none ? [0.1, 0.6, 0.3] : [-1, 2, 1]
        let all = classifier(["a", "b", "c"], activation: activation).classify(values)
        let one = classifier(["a", "b", "c"], top: 1, activation: activation).classify(values)
        #expect(one.scores == all.scores && one.scores.margin > 0.2)
        #expect(one.classes == [all.classes[0]])
    }

    @Test func `A thousand probabilities sum to one, and the listed ones are among them`() {
        var random = Randomness(seed: 3)
        let logits = (0..<1000).map { _ in Float.random(in: -4...4, using: &random) }
        let labels = logits.indices.map { "\($0)" }
        let all = classifier(labels, top: 1000, temperature: 1.7).classify(logits)
        #expect(close(all.classes.reduce(0) { $0 + $1.probability }, 1))
        let disorder = all.classes.reduce(0) { $0 - $1.probability * log($1.probability) }
        #expect(close(all.scores.entropy, 1 - disorder / log(1000)))
        let five = classifier(labels, temperature: 1.7).classify(logits)
        #expect(five.classes == Array(all.classes.prefix(5)) && five.scores == all.scores)
    }

    @Test func `Any finite logits give scores within their bounds`() {
        var random = Randomness(seed: 7)
        for count in [2, 3, 10, 1000] {
            for spread in [0.001, 1, 50, 1e30] as [Float] {
                let logits = (0..<count).map { _ in
                    Float.random(in: -spread...spread, using: &random)
                }
                let labels = logits.indices.map { "\($0)" }
                let (scores, classes) = classifier(labels).classify(logits)
                for value in [scores.maxSoftmax, scores.margin, scores.entropy] {
                    #expect((0...1).contains(value))
                }
                #expect(logits[classes[0].index] == logits.max())
            }
        }
    }
}
