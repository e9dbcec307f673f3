// SPDX-License-Identifier: Apache-2.0
import Evidence

/// The contents of AMD's extensions in a VCEK or VLEK certificate.
///
/// - Source: AMD 57230, VCEK Certificate and KDS Interface, section 3.1.
struct VEKCertificate: Sendable {
    /// A generation of processors with its own chain and layout of TCB versions.
    enum Product: String, Sendable, Hashable, CaseIterable {
        case milan = "Milan"
        case genoa = "Genoa"
        case turin = "Turin"

        /// Combined family and model, as reports have them. Bergamo and Siena use Genoa's chain.
        init?(_ processor: (family: UInt8, model: UInt8)) {
            switch (processor.family, processor.model) {
            case (0x19, 0x00...0x0F): self = .milan
            case (0x19, 0x10...0x1F), (0x19, 0xA0...0xAF): self = .genoa
            case (0x1A, 0x00...0x11): self = .turin
            default: return nil
            }
        }

        /// The parts of a TCB version by name, at their bytes.
        var layout: [(name: String, index: Int)] {
            switch self {
            case .milan, .genoa: [("bl", 0), ("tee", 1), ("snp", 6), ("ucode", 7)]
            case .turin: [("fmc", 0), ("bl", 1), ("tee", 2), ("snp", 3), ("ucode", 7)]
            }
        }

        /// How many bytes of a chip id are in use.
        var chipIDByteCount: Int { self == .turin ? 8 : 64 }
    }

    let certificate: Certificate
    let product: Product
    /// The security versions of the components, by the names of ``Product/layout``.
    let versions: [String: Int]
    /// `nil` in a VLEK, which is for all chips of a cloud.
    let chipID: [UInt8]?

    private static let partArcs: [(name: String, arc: UInt8)] = [
        ("bl", 1), ("tee", 2), ("snp", 3), ("ucode", 8), ("fmc", 9),
    ]

    init(_ certificate: Certificate) throws(CertificateFault) {
        self.certificate = certificate
        func value(_ arcs: UInt8...) -> ArraySlice<UInt8>? {
            certificate.extensions[ObjectIdentifiers.amdExtension + arcs]?.value
        }
        guard let name = value(2) else { throw CertificateFault("the certificate names no product") }
        var reader = DERReader(name)
        let text = String(decoding: try reader.element(DERTag.ia5String, "the product").content, as: UTF8.self)
        // "Milan-B0", or the name alone.
        guard let product = Product(rawValue: String(text.prefix { $0 != "-" })) else {
            throw CertificateFault("the certificate is for product '\(text.prefix(16))'")
        }
        self.product = product
        var versions: [String: Int] = [:]
        for part in Self.partArcs {
            guard let number = value(3, part.arc) else { continue }
            var reader = DERReader(number)
            versions[part.name] = try reader.smallInteger("a version of the certificate")
            try reader.finish("a version of the certificate")
        }
        self.versions = versions
        // The extension contains the bytes without a tag.
        self.chipID = value(4).map(Array.init)
    }

    /// The kind of key, by the subject's name.
    var kind: SNPReport.SigningKey? { Self.kind(certificate) }

    static func isNamed(_ certificate: Certificate) -> Bool { kind(certificate) != nil }

    private static func kind(_ certificate: Certificate) -> SNPReport.SigningKey? {
        switch certificate.commonName {
        case "SEV-VCEK": .vcek
        case "SEV-VLEK": .vlek
        default: nil
        }
    }
}
