// SPDX-License-Identifier: Apache-2.0
/// A number with its standard error.
package struct Estimate: Sendable, Hashable, Codable {
    package let value: Double
    package let standardError: Double

    package init(value: Double, standardError: Double) {
        (self.value, self.standardError) = (value, standardError)
    }
}
