// SPDX-License-Identifier: Apache-2.0
/// The version of every program here, and of the wheel and the chart (`PackageTests`).
package enum ProductVersion {
    package static let text = "0.1.0"
}
