// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import Testing

@Suite("Learning curves")
struct CurveTests {
    private static func curve(_ values: [Double], error: Double = 0.001, gainError: Double = 0.001) -> LearningCurve {
        LearningCurve(
            points: values.enumerated().map { .init(pictures: 20 << $0, value: $1) }, error: error, gainError: gainError
        )
    }

    @Test("The interval contains curves that keep their gain per doubling and curves that stop growing")
    func interval() {
        // 20, 40, 80 pictures: 0.04 for each doubling.
        let at640 = Self.curve([0.06, 0.10, 0.14]).extrapolated(to: 640)
        #expect(abs(at640.estimate - 0.26) < 1e-12)
        #expect(at640.lower > 0.13 && at640.lower < 0.14)
        #expect(at640.upper > at640.estimate && at640.upper < 0.42)
    }

    @Test("An attack that has learned almost nothing may grow linearly with the number of pictures, and no faster")
    func early() {
        let found = Self.curve([0.0, 0.005, 0.02], error: 0.004, gainError: 0.003).extrapolated(to: 320)
        // Four times the pictures: at most four times what the error allows now.
        #expect(abs(found.upper - 4 * (0.02 + 1.65 * 0.004)) < 1e-12)
    }

    @Test("A flat curve at half the gate needs thousands of pictures: 1,000 leave 0.22 possible, 5,000 pass")
    func flatCurve() {
        /// Of a share or a gain of 0.05 from a proportion `p`; outcomes at half and at all pictures correlate by a half.
        func upper(_ pictures: Int, p: Double, guess: Double, scale: Double) -> Double {
            let error = scale * (p * (1 - p) / Double(pictures)).squareRoot()
            let learned = pictures * 4 / 5
            let curve = LearningCurve(
                points: [4, 2, 1].map { .init(pictures: learned / $0, value: 0.05) }, error: error, gainError: error)
            #expect(curve.isEvidence(above: guess))
            return curve.extrapolated(to: 100_000, guess: guess).upper
        }
        #expect(abs(upper(1000, p: 0.05, guess: 1 / 40, scale: 1) - 0.22) < 0.005)
        #expect(upper(4000, p: 0.05, guess: 1 / 40, scale: 1) > 0.1)
        #expect(upper(5000, p: 0.05, guess: 1 / 40, scale: 1) < 0.1)
        // Of ten classes the right one is named in 0.1 + 0.9 * 0.05 of the cases.
        #expect(upper(8000, p: 0.145, guess: 0, scale: 1 / 0.9) > 0.1)
        #expect(upper(9500, p: 0.145, guess: 0, scale: 1 / 0.9) < 0.1)
    }

    @Test("A flat curve stays constant for any number of pictures")
    func saturated() {
        let found = Self.curve([0.05, 0.05, 0.05], error: 0.004, gainError: 0).extrapolated(to: 1_000_000)
        #expect(found.estimate == 0.05 && abs(found.upper - (0.05 + 1.65 * 0.004)) < 1e-12)
    }

    @Test(
        "An attack with little growth so far may grow faster than any extrapolation, and gives no upper bound",
        arguments: [[0.001, 0.005, 0.014], [-0.001, 0.002, 0.013]])
    func begun(values: [Double]) {
        // Measured with 70 and 140 photographs; with 700 the R² was 0.16.
        let found = Self.curve(values, error: 0.0065, gainError: 0.004).extrapolated(to: 560)
        #expect(found.upper >= 0.16)
    }

    @Test("Growing gains are not bounded by twice the last gain")
    func accelerating() {
        // Reconstructions from the demo's 'neck.relu', learned from 12 to 96 of its pictures. From 500 other signs kernel
        // ridge regression on square roots, averaged with a perceptron, reaches 0.15 ± 0.012; twice the last gain per
        // doubling gives 0.127.
        let values = [0.0, 0.0078, 0.0163, 0.0287]
        let found = LearningCurve(
            points: values.enumerated().map { .init(pictures: 12 << $0, value: $1) }, error: 0.0068, gainError: 0.0036
        ).extrapolated(to: 500)
        #expect(found.upper > 0.15 + 1.65 * 0.012)
        // The same gains in the opposite order: the growth slows down.
        let slowing = Self.curve([0.0, 0.0124, 0.0209, 0.0287], error: 0.0068, gainError: 0.0036)
        #expect(slowing.extrapolated(to: 833).upper < found.upper)
    }

    @Test("A last doubling that gains nothing by chance does not end the extrapolated growth")
    func chance() {
        let steady = Self.curve([0.02, 0.05, 0.08, 0.11]).extrapolated(to: 1600)
        let halted = Self.curve([0.02, 0.05, 0.11, 0.11]).extrapolated(to: 1600)
        #expect(halted.upper > 0.9 * steady.upper && halted.estimate < steady.estimate)
    }

    @Test("An attack that is not better than chance gives no estimate", arguments: [0.0, -0.02, 0.016, 0.023])
    func noEvidence(value: Double) {
        let curve = Self.curve([0, value], error: 0.01)
        #expect(!curve.isEvidence())
        let found = curve.extrapolated(to: 1000)
        #expect(found.lower == 0 && found.upper == 1)
    }

    @Test(
        "A curve with a non-finite number excludes no leak",
        arguments: [([.nan, 0.05], 0.001, 0.001), ([0.04, 0.05], 0.001, .nan), ([0.04, 0.05], .infinity, 0.001)])
    func notFinite(values: [Double], error: Double, gainError: Double) {
        let curve = Self.curve(values, error: error, gainError: gainError)
        #expect(!curve.isEvidence() && curve.extrapolated(to: 1000).upper == 1)
        #expect(curve.extrapolatedWithoutEvidence(to: 1000).upper == 1)
    }

    @Test("Identification that is no better than chance among the candidates is no evidence")
    func guessing() throws {
        func curve(_ value: Double) -> LearningCurve {
            LearningCurve(
                points: [.init(pictures: 1200, value: 0.025), .init(pictures: 2400, value: value)], error: 0.003,
                gainError: 0.004)
        }
        func found(_ value: Double) throws -> LeakEstimate {
            let evidence = AssetEvidence(
                appearance: [], identity: [curve(value)], candidates: 40, classes: nil, tint: nil, layout: nil)
            return try #require(
                evidence.estimates(for: Attacker(pictures: 5000, counted: 3000))[.identification])
        }
        // Significantly above 0, and not above one of 40.
        #expect(curve(0.026).isEvidence() && !curve(0.026).isEvidence(above: 1 / 40))
        #expect(try found(0.026).standing == .failed && found(0.026).upper == 1)
        #expect(try found(0.04).standing == .evidence && found(0.04).upper < 0.1)
    }

    @Test("An identification rate at chance level fails no gate, however few the candidates", arguments: [4, 8, 20])
    func fewCandidates(candidates: Int) throws {
        let guess = 1 / Double(candidates)
        func found(_ value: Double) throws -> LeakEstimate {
            let curve = LearningCurve(
                points: [.init(pictures: 20, value: guess), .init(pictures: 40, value: value)], error: 0.05,
                gainError: 0.05)
            let findings = CutFindings([
                AssetEvidence(
                    appearance: [], identity: [curve], candidates: candidates, classes: nil, tint: nil, layout: nil)
            ])
            return try #require(
                findings.estimate(of: .identification, for: Attacker(pictures: 100_000, counted: candidates)))
        }
        #expect(try Metric.identification.check(found(guess + 0.1), limit: 0.1).outcome == .notEnoughEvidence)
        #expect(try Metric.identification.check(found(guess + 0.2), limit: 0.1).outcome == .fails)
    }

    @Test("A decoder's chance-level identification is not expected of the attacker, and not excluded")
    func floorByGuessing() {
        for candidates in [8, 40] {
            let guess = 1 / Double(candidates)
            let found = LeakEstimate.floor(share: 2 * guess, count: candidates, guess: guess)
            #expect(found.value == 0 && found.lower == 0 && found.upper > 2 * guess && found.standing == .floor)
        }
        let found = LeakEstimate.floor(share: 0.5, count: 40, guess: 1 / 40)
        #expect(found.value == 0.5 && found.lower > 0.3 && found.standing == .floor)
    }

    @Test("The measured value of a failed attack is not excluded by another attack's evidence")
    func failedBesideEvidence() throws {
        func found(failed: Double) throws -> LeakEstimate {
            let learned = Self.curve([0.04, 0.04], error: 0.002, gainError: 0.001)
            let findings = CutFindings([
                AssetEvidence(
                    appearance: [learned], identity: [], candidates: 40, classes: nil, tint: nil, layout: nil),
                PerceptronEvidence(appearance: Self.curve([0.05, failed], error: 0.09, gainError: 0.09)),
            ])
            return try #require(
                findings.estimate(of: .extrapolatedRSquared, for: Attacker(pictures: 400, counted: 40)))
        }
        #expect(try Metric.extrapolatedRSquared.check(found(failed: 0.05), limit: 0.15).outcome == .passes)
        let open = try found(failed: 0.2)
        #expect(open.upper == 0.2 && open.value == 0.04 && open.standing == .evidence)
        #expect(Metric.extrapolatedRSquared.check(open, limit: 0.15).outcome == .notEnoughEvidence)
    }

    @Test("Identification by reconstruction raises the estimate, but passes nothing if no view was learned")
    func identifiedByReconstruction() throws {
        func curve(_ value: Double) -> LearningCurve {
            LearningCurve(
                points: [.init(pictures: 1200, value: 0.025), .init(pictures: 2400, value: value)], error: 0.003,
                gainError: 0.004)
        }
        func found(view: Double, reconstruction: Double) throws -> LeakEstimate {
            let evidence = AssetEvidence(
                appearance: [], identity: [curve(view)], identityByReconstruction: curve(reconstruction),
                candidates: 40, classes: nil, tint: nil, layout: nil)
            return try #require(
                evidence.estimates(for: Attacker(pictures: 5000, counted: 3000))[.identification])
        }
        #expect(try found(view: 0.026, reconstruction: 0.04).standing == .floor)
        #expect(try found(view: 0.026, reconstruction: 0.026).standing == .failed)
        let raised = try found(view: 0.04, reconstruction: 0.3)
        #expect(raised.standing == .evidence && raised.value > 0.25)
        #expect(try found(view: 0.04, reconstruction: 0.026) == found(view: 0.04, reconstruction: 0.04))
    }

    @Test(
        "The upper bound is never below the estimate",
        arguments: [[-0.02, 0.02], [0, 0.001, 0.1], [0.1, 0.1, 0.2]])
    func ordered(values: [Double]) {
        let curve = Self.curve(values, gainError: 0)
        for pictures in stride(from: 20 << (values.count - 1), to: 2000, by: 7) {
            let found = curve.extrapolated(to: pictures)
            #expect(found.lower <= found.estimate && found.estimate <= found.upper)
        }
    }

    @Test("An attacker with fewer pictures than measured gets the result of all measured pictures")
    func fewer() {
        let found = Self.curve([0.1, 0.2, 0.3]).extrapolated(to: 30)
        #expect(found.estimate == 0.3 && found.upper < 0.31)
    }

    /// Pictures that are a linear map of few hidden numbers, and features that are another.
    private static func world(
        _ count: Int, hidden: Int, noise: Double
    ) -> (features: [[Float]], pictures: [[Float]], classes: [Int]) {
        var generator = SeededGenerator(seed: 11)
        func matrix(_ rows: Int) -> [[Double]] { (0..<rows).map { _ in (0..<hidden).map { _ in generator.normal() } } }
        let (a, b) = (matrix(24), matrix(36))
        func image(_ map: [[Double]], _ z: [Double], _ noise: Double) -> [Float] {
            map.map { row in Float(zip(row, z).reduce(0) { $0 + $1.0 * $1.1 } + noise * generator.normal()) }
        }
        var (features, pictures, classes): ([[Float]], [[Float]], [Int]) = ([], [], [])
        for _ in 0..<count {
            let z = (0..<hidden).map { _ in generator.normal() }
            features.append(image(a, z, noise))
            pictures.append(image(b, z, 0))
            classes.append(z[0] > 0 ? 1 : 0)
        }
        return (features, pictures, classes)
    }

    @Test("Kernel ridge regression recovers a picture that is a linear function of the boundary tensor")
    func recovers() throws {
        let world = Self.world(60, hidden: 6, noise: 0.01)
        let attacks = GramAttacks(features: GramMatrix.of(world.features), seed: 1)
        let curve = try #require(attacks.appearance(pictures: GramMatrix.of(world.pictures)))
        #expect(curve.points.map(\.pictures) == [12, 24, 48])
        #expect(curve.value > 0.97)
        let classes = try #require(attacks.classes(world.classes))
        #expect(classes.value > 0.6)
    }

    @Test("A curve at the smallest penalty of the grid is a lower bound, and one at a larger penalty is evidence")
    func edge() throws {
        for (noise, isAtEdge) in [(0.0, true), (1.0, false)] {
            let world = Self.world(60, hidden: 6, noise: noise)
            let gram = GramMatrix.of(world.features)
            let ridge = try #require(
                KernelRidge(.init(gram: gram), targets: GramMatrix.of(world.pictures), training: Array(0..<48)))
            #expect(ridge.isAtEdge == isAtEdge, "\(ridge.kernel), \(ridge.penalty)")
            let curve = try #require(
                GramAttacks(features: gram, seed: 1).appearance(pictures: GramMatrix.of(world.pictures)))
            #expect(curve.isFloor == isAtEdge)
        }
    }

    /// Pictures of six numbers, and 24 features that are linear in them and noise, beside three large ones that are not
    /// part of the picture; or features that have nothing to do with it.
    private static func besideLargeNumbers(
        _ count: Int, isRelated: Bool
    ) -> (features: [[Float]], pictures: [[Float]]) {
        let pictures = world(count, hidden: 6, noise: 0.5)
        var generator = SeededGenerator(seed: 12)
        let features = (0..<count).map { index in
            isRelated
                ? pictures.features[index] + (0..<3).map { _ in Float(2000 * generator.normal()) }
                : (0..<24).map { _ in Float(generator.normal()) }
        }
        return (features, pictures.pictures)
    }

    @Test("Small features beside large ones recover the picture, at a penalty that is not the smallest")
    func smallFeatures() throws {
        let world = Self.besideLargeNumbers(60, isRelated: true)
        let (gram, pictures) = (GramMatrix.of(world.features), GramMatrix.of(world.pictures))
        let ridge = try #require(KernelRidge(.init(gram: gram), targets: pictures, training: Array(0..<48)))
        #expect(ridge.kernel == .linear && ridge.penalty < 1e-4 && !ridge.isAtEdge, "\(ridge.penalty)")
        let curve = try #require(GramAttacks(features: gram, seed: 1).appearance(pictures: pictures))
        #expect(curve.value > 0.9 && !curve.isFloor, "\(curve.value)")
    }

    @Test("A regression that interpolates every picture is not treated as exact")
    func interpolation() throws {
        let world = Self.besideLargeNumbers(60, isRelated: false)
        let ridge = try #require(
            KernelRidge(
                .init(gram: GramMatrix.of(world.features)), targets: GramMatrix.of(world.pictures),
                training: Array(0..<48)))
        #expect(ridge.penalty >= 1, "\(ridge.kernel), \(ridge.penalty)")
    }

    @Test("A lower-bound curve can show a leak, and cannot exclude one", arguments: [0.02, 0.4])
    func floor(value: Double) throws {
        func estimate(isFloor: Bool) throws -> LeakEstimate {
            let curve = LearningCurve(
                points: [.init(pictures: 50, value: value), .init(pictures: 100, value: value)], error: 0.001,
                gainError: 0, isFloor: isFloor)
            let evidence = AssetEvidence(
                appearance: [curve], identity: [], candidates: 40, classes: nil, tint: nil, layout: nil)
            return try #require(
                CutFindings([evidence]).estimate(
                    of: .extrapolatedRSquared, for: Attacker(pictures: 100, counted: 100)))
        }
        let (evidence, floor) = (try estimate(isFloor: false), try estimate(isFloor: true))
        #expect(evidence.upper < value + 0.01 && floor.upper == 1)
        #expect(floor.value == value && floor.lower == evidence.lower)
        let limit = 0.15
        #expect(Metric.extrapolatedRSquared.check(evidence, limit: limit).outcome == (value > limit ? .fails : .passes))
        #expect(
            Metric.extrapolatedRSquared.check(floor, limit: limit).outcome
                == (value > limit ? .fails : .notEnoughEvidence))
    }

    @Test("If a lower bound is part of the evidence, another attack's narrow interval does not make the cut pass")
    func floorBeside() throws {
        func outcome(isFloor: Bool) throws -> GateVerdict.Outcome {
            func curve(isFloor: Bool) -> LearningCurve {
                LearningCurve(
                    points: [.init(pictures: 50, value: 0.05), .init(pictures: 100, value: 0.05)], error: 0.001,
                    gainError: 0, isFloor: isFloor)
            }
            let evidence = AssetEvidence(
                appearance: [curve(isFloor: isFloor)], identity: [], candidates: 40, classes: nil, tint: nil,
                layout: nil)
            let found = try #require(
                CutFindings([evidence, PerceptronEvidence(appearance: curve(isFloor: false))]).estimate(
                    of: .extrapolatedRSquared, for: Attacker(pictures: 1000, counted: 100)))
            return Metric.extrapolatedRSquared.check(found, limit: 0.15).outcome
        }
        #expect(try outcome(isFloor: false) == .passes)
        #expect(try outcome(isFloor: true) == .notEnoughEvidence)
    }

    @Test("Nothing is learned from features that are independent of the picture")
    func nothing() throws {
        let world = Self.world(80, hidden: 6, noise: 0.01)
        let others = Self.world(160, hidden: 6, noise: 0.01)
        let attacks = GramAttacks(features: GramMatrix.of(Array(others.features[80...])), seed: 1)
        let curve = try #require(attacks.appearance(pictures: GramMatrix.of(world.pictures)))
        #expect(!curve.isEvidence() && curve.value < 0.05)
        let views = GramMatrix.of(world.pictures + world.pictures)
        let identity = try #require(attacks.identity(views: views).first)
        // Chance is 1 of 16.
        #expect(identity.value < 0.2)
    }

    @Test("A second network's view identifies pictures whose features determine it, in both variants")
    func identity() throws {
        let world = Self.world(60, hidden: 6, noise: 0.01)
        let attacks = GramAttacks(features: GramMatrix.of(world.features), seed: 1)
        // The other version is brighter everywhere.
        let views = GramMatrix.of(world.pictures + world.pictures.map { $0.map { 1.3 * $0 + 0.1 } })
        let curves = attacks.identity(views: views)
        #expect(curves.count == 2 && curves.allSatisfy { $0.value > 0.95 })
    }

    @Test("Pictures are identified by their reconstructions if the second network’s view cannot identify them")
    func identityByReconstruction() throws {
        let (world, others) = (Self.world(60, hidden: 6, noise: 0.01), Self.world(120, hidden: 6, noise: 0.01))
        let attacks = GramAttacks(features: GramMatrix.of(world.features), seed: 1)
        let strangers = Array(others.pictures[60...])
        #expect(attacks.identity(views: GramMatrix.of(strangers + strangers)).allSatisfy { $0.value < 0.3 })
        let found = attacks.reconstruction(pictures: GramMatrix.of(world.pictures))
        #expect(try #require(found.identity).value > 0.95)
        #expect(try #require(found.appearance).value > 0.97)
    }

    @Test("The weights of the training pictures in kernel ridge regression sum to 1 and agree with the closed form")
    func closedForm() throws {
        let world = Self.world(30, hidden: 4, noise: 0.1)
        let gram = GramMatrix.of(world.features)
        let targets = GramMatrix.of(world.pictures)
        let training = Array(0..<20)
        let ridge = try #require(KernelRidge(.init(gram: gram), targets: targets, training: training))
        #expect(abs(ridge.weights(of: 25).reduce(0, +) - 1) < 1e-9)
        guard ridge.kernel == .linear else { return }
        // (K + λI) w = k, centred, solved by Cholesky instead of eigenvectors.
        let dual = try #require(
            DualRidge(
                gram: gram,
                targets: world.pictures.map { Picture(height: 6, width: 6, channels: 1, values: $0) },
                training: training))
        let predicted = dual.prediction(of: 25)
        let weights = ridge.weights(of: 25)
        let combined = predicted.indices.map { pixel in
            training.indices.reduce(0.0) { $0 + weights[$1] * Double(world.pictures[training[$1]][pixel]) }
        }
        // Penalties of both grids are near each other's.
        #expect(zip(predicted, combined).allSatisfy { abs($0 - $1) < 0.05 })
    }

    @Test("Kernel ridge regression chooses kernel and penalty of explicit leave-one-out, and agrees with NumPy")
    func numpy() throws {
        #expect(Vectors.stored.kernelRidge.count == 3)
        for vector in Vectors.stored.kernelRidge {
            let ridge = try #require(
                KernelRidge(
                    .init(gram: GramMatrix.of(vector.features)), targets: GramMatrix.of(vector.targets),
                    training: vector.training))
            #expect(ridge.kernel.rawValue == vector.kernel)
            #expect(ridge.penalty == vector.penalty)
            for (picture, expected) in zip(vector.testing, vector.result) {
                let weights = ridge.weights(of: picture)
                for (column, value) in expected.enumerated() {
                    let found = zip(weights, vector.training).reduce(0.0) {
                        $0 + $1.0 * Double(vector.targets[$1.1][column])
                    }
                    // Eigenvectors of a matrix of f32 products against a direct solution.
                    #expect(abs(found - value) < 1e-5, "\(vector.kernel)")
                }
            }
        }
    }

    @Test("The eigenvectors reconstruct the matrix and are orthonormal")
    func eigenvectors() throws {
        let gram = GramMatrix.of(Self.world(12, hidden: 5, noise: 0.3).features)
        let (values, vectors) = try #require(gram.eigenvectors)
        #expect(values == values.sorted())
        for row in 0..<12 {
            for column in row..<12 {
                let rebuilt = (0..<12).reduce(0.0) {
                    $0 + values[$1] * vectors[$1 * 12 + row] * vectors[$1 * 12 + column]
                }
                #expect(abs(rebuilt - gram[row, column]) < 1e-9 * gram.meanDiagonal * 12)
                let product = (0..<12).reduce(0.0) { $0 + vectors[row * 12 + $1] * vectors[column * 12 + $1] }
                #expect(abs(product - (row == column ? 1 : 0)) < 1e-9)
            }
        }
    }
}
