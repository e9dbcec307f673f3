// SPDX-License-Identifier: Apache-2.0
public import Evidence
import FoundationEssentials

/// Collateral as files that are named by role: `tcb_info.json`, `pck_crl.der`, `vcek.der` or `vcek.pem`, and so on. A
/// file may have any encoding that services and caches use, independent of the ending of its name.
public enum CollateralFolder {
    /// No file of collateral is larger.
    private static let maximumBytes = 4 << 20

    /// Reads the existing files; a check whose file is missing fails. Files with other names are ignored.
    ///
    /// - Throws: ``AttestationError`` (invalidInput) when the folder is missing, a file cannot be read or is too large,
    ///   or a role is there in two forms.
    public static func read(_ path: String) throws(AttestationError) -> [CollateralRole: [UInt8]] {
        var isFolder = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder else {
            throw AttestationError(.invalidInput, "\(path) is not a folder; name the folder that has the collateral")
        }
        var collateral: [CollateralRole: [UInt8]] = [:]
        for role in CollateralRole.allCases {
            for name in role.fileNames {
                let file = "\(path)/\(name)"
                guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), !isFolder else { continue }
                guard let bytes = FileManager.default.contents(atPath: file), bytes.count <= maximumBytes else {
                    throw AttestationError(
                        .invalidInput, "\(file) cannot be read or is larger than \(maximumBytes) bytes")
                }
                guard collateral.updateValue(Array(bytes), forKey: role) == nil else {
                    throw AttestationError(.invalidInput, "\(path) has \(role.rawValue) in two forms; keep one")
                }
            }
        }
        return collateral
    }
}
