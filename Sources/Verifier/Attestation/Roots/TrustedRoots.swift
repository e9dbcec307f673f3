// SPDX-License-Identifier: Apache-2.0
import Evidence

/// The roots at which certificate chains have to end.
public struct TrustedRoots: Sendable {
    private let other: Certificate?

    /// The vendors' roots, which are compiled in.
    public static let vendors = TrustedRoots(other: nil)

    private init(other: Certificate?) { self.other = other }

    /// Another root in place of the vendor's, for tests. Every verdict says so.
    ///
    /// - Parameter certificate: One certificate, PEM or DER.
    /// - Throws: ``AttestationError`` (invalidInput) when it is not exactly one.
    public static func dangerouslyTrust(_ certificate: [UInt8]) throws(AttestationError) -> TrustedRoots {
        let certificates: [Certificate]
        do throws(CertificateFault) {
            certificates = try PEM.certificates(certificate)
        } catch {
            throw AttestationError(.invalidInput, "the root cannot be read: \(error.description)")
        }
        guard certificates.count == 1, let root = certificates.first else {
            throw AttestationError(.invalidInput, "the root has \(certificates.count) certificates; expected 1")
        }
        return TrustedRoots(other: root)
    }

    /// A verdict's warning about a root that is not the vendor's.
    var warning: String? {
        other.map { "the chain ends at '\($0.commonName)', a root that the caller gave, not at the vendor's" }
    }

    func certificates(for tee: TEEKind) -> [Certificate] {
        if let other { return [other] }
        return switch tee.hardware {
        case .development, .azureSNP, .azureTDX: []
        case .sgx, .tdx: IntelRoot.certificates
        case .snp: AMDRoots.roots
        case .nitro: NitroRoot.certificates
        }
    }
}

extension PEM {
    /// Certificates that are compiled in.
    static func compiledIn(_ text: String) -> [Certificate] {
        do throws(CertificateFault) {
            return try certificates(Array(text.utf8))
        } catch {
            preconditionFailure("a compiled-in root is damaged: \(error.description)")
        }
    }
}
