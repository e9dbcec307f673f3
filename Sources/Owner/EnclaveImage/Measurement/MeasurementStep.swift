/// One step of a measurement, in the order in which the platform takes it.
package struct MeasurementStep: Sendable, Hashable {
    /// The register or digest, by the name that policies use.
    package let name: String
    /// What is measured in this step.
    package let what: String
    /// The value after this step.
    package let value: [UInt8]

    package init(_ name: String, _ what: String, _ value: [UInt8]) {
        self.name = name
        self.what = what
        self.value = value
    }
}

/// What a platform will say that it was started with, and how that comes about.
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
