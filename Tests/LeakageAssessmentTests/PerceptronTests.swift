// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import Testing

@Suite("Perceptron")
struct PerceptronTests {
    @Test("Two training steps with dropout and Adam agree with NumPy's outputs and parameters, to 1e-5")
    func steps() throws {
        let vector = Vectors.stored.perceptron
        let outputs = vector.targets.count / vector.batch
        let network = try PerceptronNetwork(
            batch: vector.batch, inputs: vector.inputs.count / vector.batch, width: vector.width, outputs: outputs,
            seed: 1)
        #expect(network.parameters.map(\.count) == vector.parameters.map(\.count))
        #expect(network.parameters[2].allSatisfy { $0 == 0 })
        network.parameters = vector.parameters
        network.input.withValues { for index in $0.indices { $0[index] = vector.inputs[index] } }
        var dropout: SeededGenerator? = SeededGenerator(seed: vector.seed)
        for (step, expected) in vector.steps.enumerated() {
            try network.forward(dropout: &dropout)
            let found = network.output.withValues { Array($0) }
            #expect(zip(found, expected.output).allSatisfy { abs($0 - $1) < 1e-5 })
            network.outputGradient.withValues { gradient in
                for index in gradient.indices {
                    gradient[index] = 2 * (found[index] - vector.targets[index]) / Float(gradient.count)
                }
            }
            try network.backward()
            network.update(rate: vector.rate, step: step + 1)
            for (layer, values) in zip(network.parameters, expected.parameters) {
                #expect(zip(layer, values).allSatisfy { abs($0 - $1) < 1e-5 }, "step \(step + 1)")
            }
        }
    }

    /// Images that depend on one small coordinate of the features, by its absolute value, beside `others` large ones.
    private static func world(
        _ count: Int, others: Int
    ) -> (features: SymmetricMatrix, pictures: [[Float]], targets: SymmetricMatrix) {
        var generator = SeededGenerator(seed: 21)
        let pattern = (0..<36).map { _ in generator.normal() }
        var (features, pictures): ([[Float]], [[Float]]) = ([], [])
        for _ in 0..<count {
            let large = (0..<others).map { _ in Float(3 * generator.normal()) }
            let small = generator.normal()
            features.append(large + [Float(small)])
            pictures.append(pattern.map { Float($0 * abs(small)) })
        }
        return (GramMatrix.of(features), pictures, GramMatrix.of(pictures))
    }

    /// R² of predictions that are combinations of training images.
    private static func rSquared(
        _ pictures: [[Float]], _ training: [Int], _ testing: [Int], _ weights: (Int) -> [Double]
    ) -> Double {
        let even = [Double](repeating: 1 / Double(training.count), count: training.count)
        func error(_ weights: (Int) -> [Double]) -> Double {
            testing.reduce(0) { sum, picture in
                let weights = weights(picture)
                return sum
                    + pictures[picture].indices.reduce(0) { sum, pixel in
                        let guess = zip(weights, training).reduce(0) { $0 + $1.0 * Double(pictures[$1.1][pixel]) }
                        let difference = guess - Double(pictures[picture][pixel])
                        return sum + difference * difference
                    }
            }
        }
        return 1 - error(weights) / error { _ in even }
    }

    @Test("The perceptron finds a small but decisive coordinate, where kernel ridge regression recovers far less")
    func nonlinear() throws {
        let world = Self.world(300, others: 8)
        let (training, testing) = (Array(0..<240), Array(240..<300))
        let ridge = try #require(
            KernelRidge(.init(gram: world.features), targets: world.targets, training: training))
        let perceptron = try #require(
            try Perceptron(
                features: world.features, targets: world.targets, training: training, attacked: testing, seed: 1))
        #expect(testing.allSatisfy { abs(perceptron.weights(of: $0).reduce(0, +) - 1) < 1e-9 })
        let kernel = Self.rSquared(world.pictures, training, testing, ridge.weights(of:))
        let found = Self.rSquared(world.pictures, training, testing, perceptron.weights(of:))
        #expect(found > 0.4 && found > kernel + 0.1, "\(found) against \(kernel)")
    }

    @Test("The same seed gives the same curve, and features independent of the picture give no evidence")
    func nothing() throws {
        // OpenBLAS rounds differently with another number of threads.
        MatrixProduct.setThreads(1)
        let world = Self.world(40, others: 6)
        var generator = SeededGenerator(seed: 22)
        let others = GramMatrix.of((0..<40).map { _ in (0..<6).map { _ in Float(generator.normal()) } })
        let attacks = GramAttacks(features: others, seed: 1)
        let curve = try #require(try attacks.perceptron(pictures: world.targets))
        #expect(curve.points.map(\.pictures) == [8, 16, 32])
        #expect(!curve.isEvidence() && curve.value < 0.1)
        #expect(try attacks.perceptron(pictures: world.targets) == curve)
    }

    @Test("Constant features and constant pictures give no perceptron")
    func degenerate() throws {
        let world = Self.world(12, others: 4)
        let same = GramMatrix.of([[Float]](repeating: [1, 2, 3], count: 12))
        for (features, targets) in [(same, world.targets), (world.features, same)] {
            let perceptron = try Perceptron(
                features: features, targets: targets, training: Array(0..<8), attacked: [9], seed: 1)
            #expect(perceptron == nil)
        }
    }

    @Test("A set flag stops the training")
    func cancelled() throws {
        let world = Self.world(12, others: 4)
        let flag = CancellationFlag()
        flag.cancel()
        let error = #expect(throws: AssessmentError.self) {
            try Perceptron(
                features: world.features, targets: world.targets, training: Array(0..<8), attacked: [9], seed: 1,
                cancellation: flag)
        }
        #expect(error?.code == .cancelled)
    }
}
