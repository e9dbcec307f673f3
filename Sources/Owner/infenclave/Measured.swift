import Foundation
import StrictJSON

/// What `measure` and `image` print: the values of an enclave by the names that policies use, and of the bundle that it
/// serves where there is one.
struct Measured: Codable, Equatable {
    var tee: String
    /// `nil` for an image, which serves any bundle.
    var ownerPublicKey: String?
    var manifestDigest: String?
    var measurements: [String: String] = [:]
    /// Values that are as good, where hosts start one image in different ways.
    var alternatives: [String: [String]]?
    /// What an image leaves to its host that can be code in the guest, a sentence each; `nil` where it is nothing.
    var open: [String]?
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
        let bundle = [("ownerPublicKey", ownerPublicKey), ("manifestDigest", manifestDigest)].compactMap {
            name, value in
            value.map { (name, $0) }
        }
        let others = (alternatives ?? [:]).sorted { $0.key < $1.key }.flatMap { name, values in
            values.map { ("\(name), or", $0) }
        }
        return bundle + sorted + others
    }

    /// Reads what `measure --json` wrote.
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
