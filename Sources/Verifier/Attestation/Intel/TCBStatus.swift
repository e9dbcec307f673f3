// SPDX-License-Identifier: Apache-2.0
/// The state of a platform in Intel's words.
public enum TCBStatus: String, Sendable, Hashable, CaseIterable {
    case upToDate = "UpToDate"
    case swHardeningNeeded = "SWHardeningNeeded"
    case configurationNeeded = "ConfigurationNeeded"
    case configurationAndSWHardeningNeeded = "ConfigurationAndSWHardeningNeeded"
    case outOfDate = "OutOfDate"
    case outOfDateConfigurationNeeded = "OutOfDateConfigurationNeeded"
    case tdRelaunchAdvised = "TDRelaunchAdvised"
    case tdRelaunchAdvisedConfigurationNeeded = "TDRelaunchAdvisedConfigurationNeeded"
    case revoked = "Revoked"

    /// The platform's status merged with that of its quoting enclave or TDX module.
    func merged(with component: TCBStatus) -> TCBStatus {
        switch (component, self) {
        case (.revoked, _), (_, .revoked): .revoked
        case (.outOfDate, .upToDate), (.outOfDate, .swHardeningNeeded): .outOfDate
        case (.outOfDate, .configurationNeeded), (.outOfDate, .configurationAndSWHardeningNeeded):
            .outOfDateConfigurationNeeded
        default: self
        }
    }

    /// The status of a TD whose module was updated after it was launched.
    ///
    /// - Parameter current: The status with the module that runs now; `self` is that at launch.
    func launched(current: TCBStatus) -> TCBStatus {
        guard self == .outOfDate || self == .outOfDateConfigurationNeeded else { return self }
        switch current {
        case .upToDate, .swHardeningNeeded:
            return self == .outOfDateConfigurationNeeded ? .tdRelaunchAdvisedConfigurationNeeded : .tdRelaunchAdvised
        case .configurationNeeded, .configurationAndSWHardeningNeeded: return .tdRelaunchAdvisedConfigurationNeeded
        default: return self
        }
    }
}
