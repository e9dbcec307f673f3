// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import ModelGraph
import Tensors
import Testing

extension GramMatrix {
    /// As for a ``RecordStore`` with one record per list.
    static func of(
        _ features: [[Float]], withRoots: Bool, in space: ScratchSpace = ScratchSpace()
    ) throws -> (gram: SymmetricMatrix, roots: SymmetricMatrix?) {
        let store = try RecordStore<Float>(count: features.count, length: features[0].count, in: space)
        for (picture, values) in features.enumerated() { try store.write(values, at: picture) }
        return GramMatrix.of(store, withRoots: withRoots)
    }
}

@Suite("Kernels on signed square roots")
struct SquareRootTests {
    private static func product(_ a: [Float], _ b: [Float]) -> Double {
        zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    private static func rooted(_ values: [Float]) -> [Float] {
        values.map { $0 < 0 ? -(-$0).squareRoot() : $0.squareRoot() }
    }

    /// Whether two lists of numbers agree to 1e-6 of the largest.
    private static func agree(_ gram: SymmetricMatrix, with values: [[Float]]) -> Bool {
        let scale = values.map { product($0, $0) }.max() ?? 0
        return values.indices.allSatisfy { row in
            values.indices.allSatisfy { abs(gram[row, $0] - product(values[row], values[$0])) <= 1e-6 * scale }
        }
    }

    /// Pictures, and squares (with signs) of features that are linear in the picture and in larger numbers that are not
    /// part of it.
    private static func world(_ count: Int) -> (features: [[Float]], pictures: [[Float]]) {
        var generator = SeededGenerator(seed: 31)
        func matrix(_ rows: Int, _ columns: Int) -> [[Double]] {
            (0..<rows).map { _ in (0..<columns).map { _ in generator.normal() } }
        }
        func image(_ map: [[Double]], _ numbers: [Double]) -> [Double] {
            map.map { zip($0, numbers).reduce(0) { $0 + $1.0 * $1.1 } }
        }
        let (mixing, drawing) = (matrix(40, 13), matrix(36, 3))
        var (features, pictures): ([[Float]], [[Float]]) = ([], [])
        for _ in 0..<count {
            let hidden = (0..<3).map { _ in generator.normal() }
            let others = (0..<10).map { _ in 8 * generator.normal() }
            features.append(
                image(mixing, hidden + others).map {
                    let value = $0 + 0.1 * generator.normal()
                    return Float(value * abs(value))
                })
            pictures.append(image(drawing, hidden).map { Float($0) })
        }
        return (features, pictures)
    }

    @Test("A picture linear in the square roots is recovered, where kernels on the features learn nothing")
    func squares() throws {
        let world = Self.world(125)
        let (gram, roots) = try GramMatrix.of(world.features, withRoots: true)
        let pictures = GramMatrix.of(world.pictures)
        let ridge = try #require(
            KernelRidge(.init(gram: gram, roots: roots), targets: pictures, training: Array(0..<100)))
        #expect(ridge.kernel == .linearOfRoots)
        let with = try #require(GramAttacks(features: gram, roots: roots, seed: 1).appearance(pictures: pictures))
        let without = try #require(GramAttacks(features: gram, seed: 1).appearance(pictures: pictures))
        #expect(with.points.map(\.pictures) == [12, 25, 50, 100])
        #expect(with.value > 0.98, "\(with.value)")
        #expect(without.value < 0.25, "\(without.value)")
    }

    @Test("The same square roots reveal the class and another network’s view")
    func otherAssets() throws {
        let world = Self.world(125)
        let (gram, roots) = try GramMatrix.of(world.features, withRoots: true)
        let classes = world.pictures.map { $0[0] > 0 ? 1 : 0 }
        let views = GramMatrix.of(world.pictures + world.pictures)
        let (with, without) = (
            GramAttacks(features: gram, roots: roots, seed: 1), GramAttacks(features: gram, seed: 1)
        )
        let (found, foundWithout) = (try #require(with.classes(classes)), try #require(without.classes(classes)))
        #expect(found.value > 0.55 && foundWithout.value < found.value - 0.2, "\(found.value), \(foundWithout.value)")
        #expect(try #require(with.identity(views: views).first).value > 0.9)
        #expect(try #require(without.identity(views: views).first).value < 0.5)
    }

    @Test("Inner products of square roots agree across blocks, in memory and in a file, to 1e-6")
    func products() throws {
        var generator = SeededGenerator(seed: 33)
        // Blocks have 4096 features.
        let features = (0..<4).map { _ in (0..<5000).map { _ in Float(generator.normal()) } }
        for space in [ScratchSpace(), ScratchSpace(memoryBytes: 0)] {
            let found = try GramMatrix.of(features, withRoots: true, in: space)
            #expect(Self.agree(found.gram, with: features))
            #expect(Self.agree(try #require(found.roots), with: features.map(Self.rooted)))
            let plain = try GramMatrix.of(features, withRoots: false, in: space)
            #expect(plain.roots == nil && plain.gram.full == found.gram.full)
        }
    }

    @Test("Square roots are taken of all boundary tensors together, after noise was added")
    func noise() throws {
        let (graph, crossing) = (try TinyNetwork.graph(), ["c", "h"])
        let layout = FeatureLayout(crossing: crossing, of: graph, picture: (height: 16, width: 16), seed: 1)
        let types = crossing.map(graph.type(of:))
        let recorder = try FeatureRecorder(layout, crossing: types, pictures: 5, scratch: ScratchSpace())
        let noise = FeatureNoise(sigma: 1, seed: 5)
        var generator = SeededGenerator(seed: 34)
        var (noisy, rootsUnderNoise): ([[Float]], [[Float]]) = ([], [])
        func joined(_ tensors: [Tensor]) throws -> [Float] { try tensors.flatMap { try $0.floats() } }
        for picture in 0..<5 {
            func tensors(_ values: [[Float]]) throws -> [Tensor] {
                try zip(values, types).map { try Tensor($0, shape: $1.shape.dimensions) }
            }
            let clean = types.map { type in
                (0..<type.shape.elementCount).map { _ in Float(generator.normal()) }
            }
            let seen = noise.added(to: try tensors(clean), picture: picture)
            try recorder.record(seen, of: picture)
            noisy.append(try joined(seen))
            rootsUnderNoise.append(
                try joined(noise.added(to: try tensors(clean.map(Self.rooted)), picture: picture)))
        }
        let found = try recorder.features(withRoots: true)
        let roots = try #require(found.roots)
        #expect(found.maps != nil && Self.agree(found.gram, with: noisy))
        #expect(Self.agree(roots, with: noisy.map(Self.rooted)))
        #expect(!Self.agree(roots, with: rootsUnderNoise))
        #expect(try recorder.features(withRoots: false).roots == nil)
    }

    @Test("The names of the kernels in stored results are fixed")
    func names() {
        #expect(
            KernelRidge.Kernel.allCases.map(\.rawValue) == [
                "linear", "gaussian", "laplacian", "linearOfRoots", "gaussianOfRoots", "laplacianOfRoots",
            ])
    }
}
