// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Two independent normal numbers with mean 0, from two uniform ones.
///
/// - Source: Box and Muller 1958.
package struct BoxMuller {
    private let radius: Double
    private let angle: Double

    /// - Parameters:
    ///   - u: Uniform in (0, 1].
    ///   - v: Uniform in an interval of length 1.
    ///   - deviation: The standard deviation of both numbers.
    package init(_ u: Double, _ v: Double, deviation: Double = 1) {
        radius = deviation * (-2 * log(u)).squareRoot()
        angle = 2 * Double.pi * v
    }

    package var first: Double { radius * cos(angle) }
    package var second: Double { radius * sin(angle) }
}
