/// What it costs to cut here, the mapping unit being inside as well.
package struct CutCost: Sendable, Hashable, Codable {
    /// Multiply-accumulate operations inside the enclave, per picture.
    package let multiplyAddsInside: Int
    /// Of the whole model.
    package let multiplyAdds: Int
    package let parametersInside: Int
    /// What crosses on the way out and on the way back, per picture.
    package let boundaryBytes: Int
    /// Time of the FrontNet and of the BackNet on this machine, per picture; `nil` where they were not measured.
    package let frontMilliseconds: Double?
    package let backMilliseconds: Double?
    /// Of the mapping unit, and of the bytes that cross, through a socket and back.
    package let mappingMilliseconds: Double?
    package let crossingMilliseconds: Double?
    /// Relative standard deviation of the parts' time over that of the whole model, each pair measured in turn; `nil` where
    /// they were not measured.
    package let timingSpread: Double?
    /// Weights, activations and scratch of the parts inside, as the engine plans them.
    package let enclaveBytes: Int

    package init(
        multiplyAddsInside: Int, multiplyAdds: Int, parametersInside: Int, boundaryBytes: Int,
        frontMilliseconds: Double?, backMilliseconds: Double?, mappingMilliseconds: Double? = nil,
        crossingMilliseconds: Double? = nil, timingSpread: Double? = nil, enclaveBytes: Int = 0
    ) {
        self.multiplyAddsInside = multiplyAddsInside
        self.multiplyAdds = multiplyAdds
        self.parametersInside = parametersInside
        self.boundaryBytes = boundaryBytes
        self.frontMilliseconds = frontMilliseconds
        self.backMilliseconds = backMilliseconds
        self.mappingMilliseconds = mappingMilliseconds
        self.crossingMilliseconds = crossingMilliseconds
        self.timingSpread = timingSpread
        self.enclaveBytes = enclaveBytes
    }

    /// The share of the arithmetic that is inside, 0 to 1.
    package var shareInside: Double {
        multiplyAdds > 0 ? Double(multiplyAddsInside) / Double(multiplyAdds) : 1
    }
}
