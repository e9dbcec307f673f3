// SPDX-License-Identifier: Apache-2.0
import Foundation
import StrictJSON

/// The output of `measure` and `image`: the values of an enclave by the names that policies use, and those of its
/// bundle if there is one.
struct Measured: Codable, Equatable {
    var tee: String
    /// `nil` for an image, which serves any bundle.
    var ownerPublicKey: String?
    var manifestDigest: String?
    var measurements: [String: String] = [:]
    /// Equally valid values, if hosts start one image in different ways.
    var alternatives: [String: [String]]?
    /// Host-provided inputs of an image that can act as code in the guest, one sentence each; `nil` if there are none.
    var open: [String]?
    /// Includes `isvprodid` for SGX.
    var securityVersions: [String: Int] = [:]
    /// TDX and SNP only.
    var flags: [String: Bool] = [:]

    private static let maximumBytes = 1 << 16

    /// One value per line, for display.
    var lines: [(name: String, value: String)] {
        let versions = securityVersions.mapValues(String.init)
        let sorted = [measurements, versions, flags.mapValues(String.init)].flatMap { values in
            values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
        let bundle = [("ownerPublicKey", ownerPublicKey), ("manifestDigest", manifestDigest)].compactMap {
            name, value in
            value.map { (name, $0) }
        }
        let others = (alternatives ?? [:]).sorted { $0.key < $1.key }.flatMap { name, values in
            values.map { ("\(name), or", $0) }
        }
        return bundle + sorted + others
    }

    /// Reads the output of `measure --json`.
    ///
    /// - Throws: ``CommandFailure`` for anything else.
    static func read(_ path: String) throws -> Measured {
        let json = try InputFile.read(path, maximumBytes: maximumBytes)
        guard let measured = try? Measured(strictlyDecoding: Array(json), name: path) else {
            throw CommandFailure(
                "measured", "\(path) is not what `infenclave measure --json` prints or `infenclave image` writes",
                remedy:
                    "run `infenclave measure BUNDLE --tee KIND --json` where the enclave runs and give its output, or give "
                    + "measured.json of an image")
        }
        return measured
    }
}
