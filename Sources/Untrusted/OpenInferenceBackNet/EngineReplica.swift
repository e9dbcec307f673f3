// SPDX-License-Identifier: Apache-2.0
package import EngineMessages
package import Tensors

/// One engine that has the BackNet loaded, however it is reached.
package protocol EngineReplica: Sendable {
    /// Its address, for operators.
    var name: String { get }

    /// Runs the BackNet once.
    ///
    /// - Returns: What the signature says, with finite values.
    /// - Throws: ``EngineError``.
    func infer(_ inputs: [Tensor], within time: Duration) async throws(EngineError) -> [Tensor]

    /// Asks whether it has the model ready.
    ///
    /// - Throws: ``EngineError``.
    func checkReady(within time: Duration) async throws(EngineError)
}
