// SPDX-License-Identifier: Apache-2.0
/// The standard deviation σ of the Gaussian noise on each float that crosses to the host, in the unit of those floats.
/// There is no value for no noise: an optional expresses that.
public struct NoiseDeviation: Sendable, Hashable {
    /// Below this range the noise is lost in float32 rounding of the activations; above it the activations are lost in
    /// the noise.
    package static let range = 1e-6...1e6

    /// In ``range``.
    public let value: Double

    /// - Returns: `nil` for a number that is not finite or outside ``range``.
    package init?(_ value: Double) {
        // NaN is in no range.
        guard Self.range.contains(value) else { return nil }
        self.value = value
    }
}

extension NoiseDeviation: Codable {
    /// A JSON number.
    ///
    /// - Throws: `DecodingError` for a number outside ``range``.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let deviation = NoiseDeviation(try container.decode(Double.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "sigma is from 0.000001 to 1000000, or left out for no noise")
        }
        self = deviation
    }

    /// Writes a JSON number.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}
