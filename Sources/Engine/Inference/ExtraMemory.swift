// SPDX-License-Identifier: Apache-2.0
/// Additional memory that a plan may use to be faster.
package enum ExtraMemory: Sendable, Hashable {
    /// An eighth of the plan's limit.
    case plenty
    /// For enclaves. If the network fits the usable memory of the first SGX, by an estimate of its activations, the
    /// extra memory is small and never exceeds what is left of it. If it does not fit anyway: a quarter of its size.
    case enclave
    case none

    private static let mebibyte = 1 << 20
    /// The first SGX reserved 128 MiB, of which enclaves could use about 93.
    private static let usableBytes = 93 * mebibyte
    private static let enclaveBytes = 16 * mebibyte
    /// For the weights of the other part, and for scratch memory.
    private static let reserve = 8 * mebibyte

    /// - Parameters:
    ///   - weights: Bytes of all weights of the network.
    ///   - activations: A lower bound of the bytes of activations.
    ///   - limit: Most bytes of activations and scratch memory together.
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
