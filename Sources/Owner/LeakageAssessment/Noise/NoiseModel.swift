package import Tensors

/// Noise on what crosses a cut, as the assessment simulates it.
package protocol NoiseModel: Sendable {
    /// Kind and parameters: equal ones give equal noise.
    var identity: String { get }

    /// - Parameters:
    ///   - tensors: f32, what crosses for one picture.
    ///   - picture: Its number: pictures have independent noise.
    func added(to tensors: [Tensor], picture: Int) -> [Tensor]

    /// What is left for an attacker who sends near-duplicates of a picture, which have nearly its features and fresh noise,
    /// and averages what crosses.
    func averaged(over copies: Int) -> Self
}
