// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import Testing

/// Against `Tests/Reference/metrics.py`, which numpy and scipy computed on the same numbers.
@Suite("Joint and class metrics agree with an independent computation")
struct JointMetricTests {
    private struct Reference: Decodable {
        struct Scales: Decodable {
            let shape: [Int]
            let a, b: [Float]
            let scales: Int
            let value: Double
        }

        struct Correlation: Decodable {
            let x, y: [[Float]]
            let value: Double
        }

        struct Features: Decodable {
            let channels: [Int]
            let a, b: [[Float]]
            let value: Double
        }

        struct Divergence: Decodable {
            let pictures, reconstructions: [[Float]]
            let own, null, area, ratioError: Double
        }

        struct Channels: Decodable {
            let divergences: [[Double]]
            let area, error, pooled, topOne: Double
        }

        struct Share: Decodable {
            let found, count: Int
            let lower, upper: Double
        }

        struct Classes: Decodable {
            let features: [[Float]]
            let classes, initial, assignment, training, testing: [Int]
            let examples: [[Int]]
            let cost, information, probe, shots, equality: Double
        }

        struct Machine: Decodable {
            let x, y: [[Double]]
            let mixing, bias: [Float]
            let hidden: [[Float]]
            let penalty: Double
            let weights, linearWeights: [Double]
        }

        let scales: [Scales]
        let correlations: [Correlation]
        let features: Features
        let divergence: Divergence
        let channels: Channels
        let shares: [Share]
        let classes: Classes
        let machine: Machine
    }

    private static let reference: Reference = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Reference/metrics.json")
        do {
            return try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
        } catch { fatalError("\(file.path()): \(error); Tests/Reference/make writes it") }
    }()

    private let reference = Self.reference

    @Test("MS-SSIM with as many scales as fit agrees to 1e-5", arguments: 0..<3)
    func scales(index: Int) throws {
        let vector = reference.scales[index]
        func picture(_ values: [Float]) -> Picture {
            Picture(height: vector.shape[0], width: vector.shape[1], channels: vector.shape[2], values: values)
        }
        #expect(MultiScaleSimilarity.scales(height: vector.shape[0], width: vector.shape[1]) == vector.scales)
        let value = try MultiScaleSimilarity.value(picture(vector.a), picture(vector.b))
        #expect(abs(value - vector.value) < 1e-5)
        #expect(abs(try MultiScaleSimilarity.value(picture(vector.a), picture(vector.a)) - 1) < 1e-12)
    }

    @Test("U-centred distance correlation agrees to 1e-6", arguments: 0..<3)
    func correlation(index: Int) throws {
        let vector = reference.correlations[index]
        let value = DistanceCorrelation.squared(grams: GramMatrix.of(vector.x), GramMatrix.of(vector.y))
        #expect(abs(try #require(value) - vector.value) < 1e-6)
    }

    @Test("Distance correlation has no value for too few pictures or constant features")
    func noCorrelation() {
        let few = GramMatrix.of([[1], [2], [4]] as [[Float]])
        #expect(DistanceCorrelation.squared(grams: few, few) == nil)
        let (flat, some) = ([[1], [1], [1], [1]] as [[Float]], [[1], [2], [4], [9]] as [[Float]])
        #expect(DistanceCorrelation.squared(grams: GramMatrix.of(flat), GramMatrix.of(some)) == nil)
    }

    @Test("Feature distance over two layers agrees to 1e-6 and is 0 for equal pictures")
    func features() throws {
        let vector = reference.features
        func layers(_ values: [[Float]]) -> [FeatureDistance.Layer] {
            zip(vector.channels, values).map { FeatureDistance.Layer(channels: $0, values: $1) }
        }
        #expect(abs(try FeatureDistance.value(layers(vector.a), layers(vector.b)) - vector.value) < 1e-6)
        #expect(abs(try FeatureDistance.value(layers(vector.a), layers(vector.a))) < 1e-9)
        #expect(throws: AssessmentError.self) { try FeatureDistance.value(layers(vector.a), []) }
    }

    @Test("Decoder-KL over its null, and its area under the curve, agree to 1e-6")
    func divergence() throws {
        let vector = reference.divergence
        let divergence = try DecoderDivergence(
            pictures: vector.pictures.map { try ClassDistribution(logits: $0) },
            reconstructions: vector.reconstructions.map { try ClassDistribution(logits: $0) })
        #expect(abs(divergence.mean - vector.own) < 1e-6)
        #expect(abs(divergence.nullMean - vector.null) < 1e-6)
        #expect(abs(divergence.ratioToNull - vector.own / vector.null) < 1e-6)
        #expect(abs(divergence.areaUnderCurve - vector.area) < 1e-12)
        #expect(abs(divergence.ratioError - vector.ratioError) < 1e-6)
    }

    @Test(
        "A validator with equal outputs except for rounding gives a decoder-KL that counts as a leak",
        arguments: [0, 1e-4])
    func blindValidator(rounding: Float) throws {
        func views(_ sign: Float) throws -> [ClassDistribution] {
            try (0..<5).map { try ClassDistribution(logits: [1, 2, 3 + sign * rounding * Float($0)]) }
        }
        let divergence = try DecoderDivergence(pictures: views(1), reconstructions: views(-1))
        #expect(divergence.ratioToNull == 0 && divergence.ratioError == 0)
        #expect(try #require(Gates.standard[.decoderDivergenceRatio]) > 0)
        #expect(try #require(Gates.strict[.decoderDivergenceRatio]) > 0)
    }

    @Test("Channel KL against each picture's own null: areas, their error and identification agree to 1e-9")
    func channels() throws {
        let vector = reference.channels
        let kl = try ChannelKL(
            divergences: vector.divergences, baseline: vector.divergences.map { _ in 1 },
            closestChannel: vector.divergences.map { _ in 0 })
        #expect(abs(kl.areaUnderCurve - vector.area) < 1e-9)
        #expect(abs(kl.areaUnderCurveError - vector.error) < 1e-9)
        #expect(abs(kl.pooledAreaUnderCurve - vector.pooled) < 1e-9)
        #expect(abs(kl.topOne - vector.topOne) < 1e-9)
    }

    @Test("Wilson's bounds are the roots of the score test, to 1e-9", arguments: 0..<6)
    func shares(index: Int) {
        let vector = reference.shares[index]
        let share = Double(vector.found) / Double(vector.count)
        #expect(abs(WilsonBound.lower(of: share, count: vector.count, deviations: 1.65) - vector.lower) < 1e-9)
        #expect(abs(WilsonBound.upper(of: share, count: vector.count, deviations: 1.65) - vector.upper) < 1e-9)
    }

    @Test("k-means from the same start gives the same clusters and normalised mutual information, to 1e-6")
    func clusters() throws {
        let vector = reference.classes
        let gram = GramMatrix.of(vector.features)
        let found = ClusterAgreement.refined(gram: gram, initial: vector.initial, clusters: 4)
        #expect(found.assignment == vector.assignment)
        #expect(abs(found.cost - vector.cost) < 1e-4)
        let information = ClusterAgreement.normalizedInformation(found.assignment, vector.classes)
        #expect(abs(try #require(information) - vector.information) < 1e-9)
        // Several starts find no worse clusters than one.
        #expect(try #require(ClusterAgreement.information(gram: gram, classes: vector.classes, seed: 1)) > 0.2)
    }

    @Test("Separate clusters are found completely; one class has no information")
    func separateClusters() {
        let features = (0..<30).map { [Float($0 % 3) * 100, Float($0) * 0.01] }
        let classes = (0..<30).map { $0 % 3 + 7 }
        #expect(ClusterAgreement.information(gram: GramMatrix.of(features), classes: classes, seed: 1) == 1)
        let one = classes.map { _ in 1 }
        #expect(ClusterAgreement.information(gram: GramMatrix.of(features), classes: one, seed: 1) == nil)
        #expect(ClusterAgreement.normalizedInformation(one, one) == nil)
        #expect(ClusterAgreement.normalizedInformation(one, classes) == 0)
    }

    @Test("The linear probe chooses the penalty of explicit leave-one-out and reaches the same accuracy")
    func probe() throws {
        let vector = reference.classes
        let split = PictureSplit(fitting: vector.training, validation: [], testing: vector.testing)
        let probe = ClassProbe.accuracy(
            gram: GramMatrix.of(vector.features), classes: vector.classes, split: split)
        #expect(abs(try #require(probe).accuracy - vector.probe) < 1e-9)
        #expect(try #require(probe).majority == 0.25)
        let one = vector.classes.map { _ in 3 }
        #expect(ClassProbe.accuracy(gram: GramMatrix.of(vector.features), classes: one, split: split) == nil)
    }

    @Test("Nearest centroids from the same examples reach the same accuracy; chance and missing examples are reported")
    func shots() throws {
        let vector = reference.classes
        let gram = GramMatrix.of(vector.features)
        let tests = (8..<40).map { (picture: $0, group: vector.classes[$0]) }
        #expect(abs(ClassLeakage.share(of: tests, classifiedBy: vector.examples, gram) - vector.shots) < 1e-9)
        let drawn = try #require(ClassLeakage.accuracy(gram: gram, classes: vector.classes, shots: 2, seed: 1))
        #expect(drawn.chance == 0.25 && abs(drawn.accuracy - vector.shots) < 0.25)
        #expect(ClassLeakage.accuracy(gram: gram, classes: Array(0..<40), shots: 1, seed: 1) == nil)
    }

    @Test("The probability that a pair of one class is nearer than others agrees to 1e-6")
    func equality() throws {
        let vector = reference.classes
        let area = ClassEquality.areaUnderCurve(gram: GramMatrix.of(vector.features), classes: vector.classes)
        #expect(abs(try #require(area) - vector.equality) < 1e-6)
        let different = ClassEquality.areaUnderCurve(
            gram: GramMatrix.of(vector.features), classes: Array(0..<40))
        #expect(different == nil)
    }

    @Test("Random features and their ridge agree to 1e-5; last-layer features give the linear ridge, its error to 1e-9")
    func machine() throws {
        let vector = reference.machine
        let random = RandomFeatures(mixing: vector.mixing, bias: vector.bias)
        let hidden = random.apply(to: vector.x.flatMap { $0.map(Float.init) }, count: vector.x.count)
        for (found, expected) in zip(hidden, vector.hidden.joined()) { #expect(abs(found - expected) < 1e-5) }

        var equations = NormalEquations(features: 11, outputs: 2)
        for (row, inputs) in vector.x.enumerated() {
            let features = vector.hidden[row].map(Double.init) + inputs + [1]
            equations.addRow { line in
                for index in line.indices { line[index] = features[index] }
            } outputs: { line in
                for index in line.indices { line[index] = vector.y[row][index] }
            }
        }
        equations.flush()
        let weights = try #require(equations.weights(penalty: vector.penalty))
        for (found, expected) in zip(weights, vector.weights) { #expect(abs(found - expected) < 1e-5) }
        let linear = try #require(equations.weights(penalty: vector.penalty, last: 5))
        for (found, expected) in zip(linear, vector.linearWeights) { #expect(abs(found - expected) < 1e-5) }
        var error = 0.0
        for (row, inputs) in vector.x.enumerated() {
            for output in 0..<2 {
                var residual = -vector.y[row][output]
                for (index, value) in (inputs + [1]).enumerated() { residual += value * linear[index * 2 + output] }
                error += residual * residual
            }
        }
        #expect(abs(equations.squaredError(of: linear) - error) < 1e-9 * max(1, error))
    }
}
