// SPDX-License-Identifier: Apache-2.0
package import Crypto
package import EnclaveCore
import SecretMemory

/// The machine's development key: an Ed25519 seed of 32 bytes in a file of mode 0600.
package enum DevelopmentKey {
    private static let seedBytes = 32

    /// Reads the key, or makes one if there is no such file.
    ///
    /// - Throws: ``EvidenceSourceError`` (configurationInvalid) when others may read the file or it is no seed.
    package static func readOrCreate(_ path: String) throws(EvidenceSourceError) -> Curve25519.Signing.PrivateKey {
        do throws(SecretMemoryError) {
            do throws(SecretMemoryError) {
                return try read(path)
            } catch  where error.code == .notFound {
                let seed = SecretBytes.random(seedBytes)
                do throws(SecretMemoryError) {
                    try SecretFile.write(seed.bytes, to: path)
                } catch  where error.code == .exists {
                    // Another enclave was faster; its key is the machine's.
                }
                return try read(path)
            }
        } catch { throw EvidenceSourceError(.configurationInvalid, "the development key: \(error.message)") }
    }

    /// The public half of the same key: 32 bytes, as policies pin it.
    package static func publicKey(_ path: String) throws(EvidenceSourceError) -> [UInt8] {
        Array(try readOrCreate(path).publicKey.rawRepresentation)
    }

    private static func read(_ path: String) throws(SecretMemoryError) -> Curve25519.Signing.PrivateKey {
        let seed = try SecretFile.read(path, maximumBytes: seedBytes)
        guard let key = seed.withBytes({ try? Curve25519.Signing.PrivateKey(rawRepresentation: $0) }) else {
            throw SecretMemoryError(
                .inputOutput,
                "'\(path)' has \(seed.count) bytes, expected a seed of \(seedBytes); remove it to make one")
        }
        return key
    }
}
