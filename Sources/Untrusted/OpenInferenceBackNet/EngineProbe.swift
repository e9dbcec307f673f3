// SPDX-License-Identifier: Apache-2.0
package import EngineMessages
package import HostCore
import ModelGraph
import Tensors

/// A request whose answer is known from this host's own engine. It detects an engine that has another model under this
/// name, or computes wrong values, before that engine gets a client's request.
///
/// It detects mistakes, not malice: an engine may answer this request correctly and others not. The owner's audit
/// detects that.
package struct EngineProbe: Sendable {
    let inputs: [Tensor]
    let expected: [Tensor]

    /// The largest accepted difference between an output and this host's, relative to the largest magnitude in the
    /// tensor. Engines in f32 differ by about 1e-6, with TF32 by 1e-3; other models by 1.
    package static let tolerance: Float = 0.01

    /// - Parameter engine: Computes the BackNet of the signature.
    /// - Throws: ``EngineError`` (`invalidAddress`) when it cannot.
    package init(of signature: BackNetSignature, computedBy engine: any BackNetEngine) async throws(EngineError) {
        inputs = signature.inputs.enumerated().map { index, input in
            // Values from 0 to 1, as after an activation; the same in every process.
            var state = UInt64(index) &+ 0x9E37_79B9_7F4A_7C15
            return Tensor(type: input.type) { bytes in
                for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<Float>.size) {
                    state ^= state << 13
                    state ^= state >> 7
                    state ^= state << 17
                    bytes.storeBytes(of: Float(state >> 40) / Float(1 << 24), toByteOffset: offset, as: Float.self)
                }
            }
        }
        guard let run = await engine.run(inputs) else {
            throw EngineError(
                .invalidAddress, "this host cannot compute the BackNet to compare engines with",
                remedy: "serve it without --backnet once, and read why")
        }
        expected = run.outputs
    }

    /// - Throws: ``EngineError`` (`wrongAnswer`).
    func compare(_ outputs: [Tensor]) throws(EngineError) {
        for (expected, output) in zip(expected, outputs) {
            let distance = Self.distance(expected, output)
            guard distance <= Self.tolerance else {
                throw EngineError(
                    .wrongAnswer,
                    "it computes another model: its answer to a known input is off by \(distance) of the largest value",
                    remedy: BackNetSignature.deploy)
            }
        }
    }

    private static func distance(_ expected: Tensor, _ found: Tensor) -> Float {
        expected.withElements(as: Float.self) { expected in
            found.withElements(as: Float.self) { found in
                let largest = expected.reduce(Float.leastNormalMagnitude) { max($0, abs($1)) }
                return zip(expected, found).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
            }
        }
    }
}
