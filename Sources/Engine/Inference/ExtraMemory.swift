// SPDX-License-Identifier: Apache-2.0
/// Additional memory that a plan may use to be faster.
package enum ExtraMemory: Sendable, Hashable {
    /// An eighth of the plan's limit.
    case plenty
    /// For enclaves. If weights and activations fit in the usable memory of the first SGX, the extra memory fits there,
    /// too, and is at most 16 MiB. Otherwise it is a quarter of weights and activations.
    case enclave
    case none

    private static let mebibyte = 1 << 20
    /// The first SGX reserved 128 MiB, of which enclaves could use about 93.
    private static let usableBytes = 93 * mebibyte
    private static let enclaveBytes = 16 * mebibyte
    /// Left for the weights of the other part of the network in the enclave, and for scratch memory.
    private static let reserve = 8 * mebibyte

    /// The limit of the extra memory, in bytes.
    ///
    /// - Parameters:
    ///   - weights: Bytes of all weights of the plan's graph.
    ///   - activations: A lower bound of the bytes of activations.
    ///   - limit: The plan's limit of the bytes of activations and scratch memory together.
    package func bytes(weights: Int, activations: Int, limit: Int) -> Int {
        switch self {
        case .plenty: return limit / 8
        case .none: return 0
        case .enclave:
            let left = Self.usableBytes - (weights + activations)
            return left < 0
                ? (weights + activations) / 4 : min(Self.enclaveBytes, max(0, left - Self.reserve))
        }
    }
}
