// SPDX-License-Identifier: Apache-2.0
internal import OneDNN

/// Trained multilayer perceptrons from the boundary tensors to images: the nonlinear attack on vectors. Each of
/// ``members`` holds back other training images, and keeps the parameters of the epoch that is best on them; epoch 0 is
/// the mean image. Their predictions are averaged.
///
/// They work on principal coordinates, so they need inner products only, as ``KernelRidge`` does, and their predictions
/// are combinations of the training images. Nothing is lost for the targets: the gradient of a linear last layer that
/// begins at zero stays in their span.
///
/// They run on one thread, so that the same seed gives the same predictions on a machine under any load.
///
/// - Source: Breiman 1996 (bagging).
package struct Perceptron: Sendable {
    package struct Options: Sendable, Hashable {
        /// Multiply-adds of one training, which with ``epochs`` determine its length.
        package var multiplyAdds = 30_000_000_000
        package var epochs = 20...200
        package var batch = 16
        package var rate: Float = 1e-3
        /// Training ends after so many epochs without an improvement on the held-back images.
        package var patience = 20
        /// Most principal coordinates of the targets.
        package var components = 64

        package init() {}
    }

    package static let members = 3
    /// The reciprocal of the share of training images that is held back.
    private static let heldBack = 5

    private let predictions: [Int: [Double]]

    /// - Parameters:
    ///   - features: Inner products of the boundary tensors of all images.
    ///   - targets: Inner products of the targets of all images.
    ///   - attacked: The images to predict, each once.
    /// - Returns: `nil` when the features or the targets of the training images do not differ.
    /// - Throws: ``AssessmentError`` `.engine`, `.cancelled`.
    package init?(
        features: SymmetricMatrix, targets: SymmetricMatrix, training: [Int], attacked: [Int], seed: UInt64,
        options: Options = Options(), cancellation: CancellationFlag = CancellationFlag()
    ) throws(AssessmentError) {
        precondition(features.size == targets.size && training.count >= 4)
        var generator = SeededGenerator(seed: seed, purpose: "perceptrons")
        var sums = attacked.map { _ in [Double](repeating: 0, count: training.count) }
        let order = generator.permutation(of: training.count)
        let heldBack = max(1, training.count / Self.heldBack)
        for member in 0..<Self.members {
            // A different part of the order for each member.
            let turned = order.indices.map { order[($0 + member * heldBack) % order.count] }
            let fitting = turned[heldBack...].map { training[$0] }
            guard let inputs = PrincipalCoordinates(of: features, among: fitting),
                let outputs = PrincipalCoordinates(of: targets, among: fitting, limit: options.components)
            else { return nil }
            let found: [[Double]]
            do throws(OneDNNError) {
                found = try ThreadTeam.using(1) { () throws(OneDNNError) in
                    let session = try PerceptronSession(
                        inputs: inputs, outputs: outputs, fitting: fitting,
                        heldBack: turned[..<heldBack].map { training[$0] }, seed: generator.next(), options: options)
                    try session.train(&generator, isCancelled: { cancellation.isCancelled })
                    return try session.predictions(of: attacked)
                }
            } catch { throw AssessmentError(.engine, "training a perceptron: \(error.message)") }
            try cancellation.check()
            for (index, coordinates) in found.enumerated() {
                for (place, weight) in zip(turned[heldBack...], outputs.weights(of: coordinates)) {
                    sums[index][place] += weight / Double(Self.members)
                }
            }
        }
        predictions = Dictionary(zip(attacked, sums), uniquingKeysWith: { first, _ in first })
    }

    /// The prediction for an attacked image, as a combination of the training images' targets: one weight each, with
    /// sum 1.
    package func weights(of image: Int) -> [Double] { predictions[image] ?? [] }
}
