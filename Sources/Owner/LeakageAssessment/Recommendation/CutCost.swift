// SPDX-License-Identifier: Apache-2.0
/// The cost of a cut, with the mapping unit inside as well.
package struct CutCost: Sendable, Hashable, Codable {
    /// Multiply-accumulate operations inside the enclave, per image.
    package let multiplyAddsInside: Int
    /// Multiply-accumulate operations of the whole model.
    package let multiplyAdds: Int
    package let parametersInside: Int
    /// Bytes that cross out and back, per image.
    package let boundaryBytes: Int
    /// Latency of the FrontNet and of the BackNet on this machine, per image; `nil` where they were not measured.
    package let frontMilliseconds: Double?
    package let backMilliseconds: Double?
    /// Latency of the mapping unit, and of the transfer through a socket and back.
    package let mappingMilliseconds: Double?
    package let crossingMilliseconds: Double?
    /// Latency of the whole model in the same rounds as the parts; `nil` where it was not measured.
    package let wholeMilliseconds: Double?
    /// Relative standard deviation of the parts' latency over that of the whole model, in interleaved pairs; `nil`
    /// where it was not measured.
    package let timingSpread: Double?
    /// Weights, activations and scratch of the parts inside, as the engine plans them.
    package let enclaveBytes: Int

    package init(
        multiplyAddsInside: Int, multiplyAdds: Int, parametersInside: Int, boundaryBytes: Int,
        frontMilliseconds: Double?, backMilliseconds: Double?, mappingMilliseconds: Double? = nil,
        crossingMilliseconds: Double? = nil, wholeMilliseconds: Double? = nil, timingSpread: Double? = nil,
        enclaveBytes: Int = 0
    ) {
        self.multiplyAddsInside = multiplyAddsInside
        self.multiplyAdds = multiplyAdds
        self.parametersInside = parametersInside
        self.boundaryBytes = boundaryBytes
        self.frontMilliseconds = frontMilliseconds
        self.backMilliseconds = backMilliseconds
        self.mappingMilliseconds = mappingMilliseconds
        self.crossingMilliseconds = crossingMilliseconds
        self.wholeMilliseconds = wholeMilliseconds
        self.timingSpread = timingSpread
        self.enclaveBytes = enclaveBytes
    }

    /// The share of the multiply-adds inside, 0 to 1.
    package var shareInside: Double {
        multiplyAdds > 0 ? Double(multiplyAddsInside) / Double(multiplyAdds) : 1
    }
}
