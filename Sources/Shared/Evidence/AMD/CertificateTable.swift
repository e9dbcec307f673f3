// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The table of certificates that a host gives to an SNP guest (configfs-tsm `auxblob`, extended guest request). The
/// host wrote it, so its content is untrusted until it is verified.
///
/// - Source: AMD 56421, GHCB specification, MSG_REPORT_REQ.
package struct CertificateTable: Sendable, Hashable {
    /// The entries that are used. The root (ARK) is compiled in and never taken from a host.
    package enum Kind: String, Sendable, Hashable {
        case vcek = "63da758de6644564adc5f4b93be8accd"
        case vlek = "a8074bc2a25a483eaae639c045a0b8a1"
        /// ASK or ASVK.
        case intermediate = "4ab7b379bbac4fe4a02f05aef327c782"

        /// The collateral role of the entry.
        var role: CollateralRole {
            switch self {
            case .vcek: .vcek
            case .vlek: .vlek
            case .intermediate: .intermediate
            }
        }
    }

    private static let maximumEntries = 32

    /// Certificates, PEM or DER, by kind.
    package let certificates: [Kind: [UInt8]]

    /// - Parameter bytes: The table; an empty one is valid.
    /// - Throws: ``EvidenceError`` (malformed) for an entry that points out of the table or is there twice.
    package init(parsing bytes: [UInt8]) throws(EvidenceError) {
        var certificates: [Kind: [UInt8]] = [:]
        do throws(TensorError) {
            var reader = ByteReader(bytes.span.bytes)
            var entries = 0
            while !bytes.isEmpty {
                let identifier = try reader.readBytes(16, "a GUID of the certificate table")
                let offset = Int(try reader.read(UInt32.self, "an offset of the certificate table"))
                let count = Int(try reader.read(UInt32.self, "a length of the certificate table"))
                if identifier.allSatisfy({ $0 == 0 }), offset == 0, count == 0 { break }
                entries += 1
                guard entries <= Self.maximumEntries, offset <= bytes.count, count <= bytes.count - offset else {
                    throw TensorError(.malformed, "entry \(entries) of the certificate table is out of its bounds")
                }
                guard let kind = Kind(rawValue: identifier.hex) else { continue }
                guard certificates.updateValue(Array(bytes[offset..<(offset + count)]), forKey: kind) == nil else {
                    throw TensorError(.malformed, "the certificate table has two entries \(kind)")
                }
            }
        } catch {
            throw EvidenceError(.malformed, error.message)
        }
        self.certificates = certificates
    }

    /// The certificates by collateral role. Enclaves that serve evidence and verifiers that read a saved table both use
    /// this mapping.
    package var collateral: [CollateralRole: [UInt8]] {
        Dictionary(uniqueKeysWithValues: certificates.map { ($0.key.role, $0.value) })
    }
}
