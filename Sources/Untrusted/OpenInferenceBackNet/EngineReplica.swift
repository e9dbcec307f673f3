// SPDX-License-Identifier: Apache-2.0
package import EngineMessages
package import Tensors

/// One engine that has loaded the BackNet, over any protocol.
package protocol EngineReplica: Sendable {
    /// Its address, for operators.
    var name: String { get }

    /// Runs the BackNet once.
    ///
    /// - Returns: The outputs of the signature, with finite values.
    /// - Throws: ``EngineError``.
    func infer(_ inputs: [Tensor], within time: Duration) async throws(EngineError) -> [Tensor]

    /// Checks whether its model is ready.
    ///
    /// - Throws: ``EngineError``.
    func checkReady(within time: Duration) async throws(EngineError)
}
