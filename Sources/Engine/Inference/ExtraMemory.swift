/// Memory that a plan may take to be faster.
package enum ExtraMemory: Sendable, Hashable {
    /// An eighth of the plan's limit.
    case plenty
    /// Little, and none where, by an estimate of the activations, what fits into the first SGX's usable memory would not
    /// any more; a quarter of what does not fit there anyway.
    case enclave
    case none

    private static let mebibyte = 1 << 20
    /// Of the 128 MiB that the first SGX reserved, enclaves could use some 93.
    private static let usableBytes = 93 * mebibyte
    private static let enclaveBytes = 16 * mebibyte
    /// For the other part's weights, and scratch memory.
    private static let reserve = 8 * mebibyte

    /// - Parameters:
    ///   - weights: Bytes of all of a network's weights.
    ///   - activations: Bytes that they take at least.
    ///   - limit: Of all activations and scratch memory.
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
