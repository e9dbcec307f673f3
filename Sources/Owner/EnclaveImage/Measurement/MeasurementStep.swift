// SPDX-License-Identifier: Apache-2.0
/// One step of a measurement, in the platform's order.
package struct MeasurementStep: Sendable, Hashable {
    /// The register or digest, by the name that policies use.
    package let name: String
    /// A description of what is measured.
    package let what: String
    /// The value after this step.
    package let value: [UInt8]

    package init(_ name: String, _ what: String, _ value: [UInt8]) {
        self.name = name
        self.what = what
        self.value = value
    }
}

/// The expected launch measurements of a platform, and the steps that lead to them.
package struct LaunchMeasurement: Sendable, Hashable {
    /// By the names that policies use.
    package var values: [String: [UInt8]] = [:]
    package var steps: [MeasurementStep] = []

    package init() {}

    mutating func note(_ name: String, _ what: String, _ value: [UInt8]) {
        steps.append(MeasurementStep(name, what, value))
        values[name] = value
    }
}
