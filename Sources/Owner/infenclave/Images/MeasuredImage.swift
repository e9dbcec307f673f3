// SPDX-License-Identifier: Apache-2.0
import EnclaveImage
import Evidence
import Foundation

/// The measurements that platforms will report for an image, with the steps.
struct MeasuredImage {
    let values: Measured
    private let recipe: ImageRecipe
    private let measurements: [LaunchMeasurement]

    /// - Parameter measurements: One for each way in which hosts start the image; the image has the values of all.
    init(_ recipe: ImageRecipe, _ measurements: [LaunchMeasurement]) {
        self.recipe = recipe
        self.measurements = measurements
        var values = Measured(tee: recipe.kind.rawValue)
        values.measurements = measurements.first?.values.mapValues(\.hex) ?? [:]
        for other in measurements.dropFirst() {
            for (name, value) in other.values where values.measurements[name] != value.hex {
                values.alternatives = (values.alternatives ?? [:]).merging([name: [value.hex]]) { $0 + $1 }
            }
        }
        values.flags = recipe.flags
        if recipe.runsHostTables { values.open = Self.open(recipe) }
        if let guestSVN = recipe.guestSVN { values.securityVersions["guestsvn"] = guestSVN }
        self.values = values
    }

    /// What is not computed, and the reason.
    private static func open(_ recipe: ImageRecipe) -> [String] {
        switch recipe.kind {
        case .tdx:
            [
                "rtmr0 is not computed: it has the memory's layout, the firmware's variables and QEMU's ACPI tables. The policy leaves it open"
                    + (recipe.runsHostTables
                        ? ": tables of a hostile host are code in the guest. Use --cpus 1 or a kernel of images/kernel, or pin rtmr0 of a machine of your own"
                        : recipe.processors == 1
                            ? "; the measured command line has acpi=off, so that the guest runs none of those tables"
                            : "; the measured kernel reads static tables only, so that the guest runs no code in them")
            ]
        case .snp where recipe.runsHostTables:
            [
                "the host's ACPI tables are not measured, and are code in the guest: use --cpus 1 or a kernel of images/kernel against a hostile host"
            ]
        case .snp, .nitro: []
        case .sgx:
            ["untested: mrenclave is what gramine-sgx-sign prints for the manifest; nothing is computed here"]
        }
    }

    func show(explain: Bool, json: Bool) throws {
        if json { return try printJSON(values) }
        if explain {
            for measurement in measurements {
                for step in measurement.steps { print("\(step.name)  \(step.value.hex)  \(step.what)") }
            }
        }
        for (name, value) in values.lines { print("\(name): \(value)") }
        for note in Self.open(recipe) { printError("note: \(note)") }
    }
}
