/// The standard deviation σ of the Gaussian noise on each float that crosses to the host, in the unit of those floats.
/// There is no value for no noise: it is left out.
public struct NoiseDeviation: Sendable, Hashable {
    /// Below it nothing is left of the noise beside activations in float32, above it nothing of the activations.
    public static let range = 1e-6...1e6

    /// In ``range``.
    public let value: Double

    /// - Returns: `nil` for what is not finite or outside of ``range``.
    public init?(_ value: Double) {
        // NaN is in no range.
        guard Self.range.contains(value) else { return nil }
        self.value = value
    }
}

extension NoiseDeviation: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let deviation = NoiseDeviation(try container.decode(Double.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "sigma is from 0.000001 to 1000000, or left out for no noise")
        }
        self = deviation
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}
