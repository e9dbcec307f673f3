import Foundation
import StrictJSON

/// What `measure` prints: the values of a bundle and of the enclave that serves it, by the names that policies use.
struct Measured: Codable {
    var tee: String
    var ownerPublicKey: String
    var manifestDigest: String
    var measurements: [String: String] = [:]
    /// With `isvprodid` of SGX.
    var securityVersions: [String: Int] = [:]
    /// TDX and SNP only.
    var flags: [String: Bool] = [:]

    private static let maximumBytes = 1 << 16

    /// For people to read, one value a line.
    var lines: [(name: String, value: String)] {
        let versions = securityVersions.mapValues(String.init)
        let sorted = [measurements, versions, flags.mapValues(String.init)].flatMap { values in
            values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
        return [("ownerPublicKey", ownerPublicKey), ("manifestDigest", manifestDigest)] + sorted
    }

    /// Reads what `measure --json` wrote.
    ///
    /// - Throws: ``CommandFailure`` for anything else.
    static func read(_ path: String) throws -> Measured {
        let json = try InputFile.read(path, maximumBytes: maximumBytes)
        guard let measured = try? Measured(strictlyDecoding: Array(json), name: path) else {
            throw CommandFailure(
                "measured", "\(path) is not what `infenclave measure --json` prints",
                remedy: "run `infenclave measure BUNDLE --tee KIND --json` where the enclave runs, and give its output")
        }
        return measured
    }
}
