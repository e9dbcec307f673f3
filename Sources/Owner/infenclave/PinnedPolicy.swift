// SPDX-License-Identifier: Apache-2.0
import Attestation
import Evidence
import Foundation
import Tensors

/// A policy for one bundle in one enclave, as JSON. It demands a value for everything in the TEE's evidence.
struct PinnedPolicy: Encodable {
    private let version = Policy.version
    private let tee: [String]
    private let ownerPublicKey, manifestDigest: String
    private let measurements: [String: [String]]
    private var developmentKey: String?
    private var productID: Int?
    private var minimumTCB: [String: Int]?
    private var flags: [String: Bool]?
    private var advisories: [String]?
    private var minimumEvaluationDataNumber: Int?
    private var maximumAgeSeconds: Int?
    private var everythingInside: Bool?
    private var maximumBoundaryBytes: Int?
    private var minimumSigma: Double?
    private var pixelsOnly: Bool?
    private let maximumLeaseSeconds = 2_678_400

    /// The measurements that identify the code, its loader and its configuration. For a TD: firmware and its
    /// configuration, then what was loaded. RTMR3 is left out, since the guest extends it itself at run time.
    private static let identity: [TEEKind: [String]] = [
        .development: ["development"], .sgx: ["mrenclave"], .tdx: ["mrtd", "rtmr0", "rtmr1", "rtmr2"],
        .snp: ["measurement"], .nitro: ["pcr0", "pcr1", "pcr2"],
        // Azure's paravisor, then what the guest's firmware found, booted, and was configured with.
        .azureSNP: ["measurement"] + bootRegisters, .azureTDX: ["mrtd"] + bootRegisters,
    ]
    private static let bootRegisters = ["pcr0", "pcr2", "pcr4", "pcr7", "pcr8", "pcr9", "pcr11", "pcr12"]
    /// For Nitro documents, which state their time. For other evidence the nonce proves freshness.
    private static let maximumAgeSeconds = 300

    /// For the development TEE.
    init(development measured: Measured, key: String) throws {
        try self.init(measured, .development)
        developmentKey = key
    }

    /// For hardware: no lower versions and no other flags or advisories than those measured.
    ///
    /// - Parameters:
    ///   - evaluationDataNumber: The least `tcbEvaluationDataNumber` of Intel's collateral; only for Intel's TEEs.
    ///   - isImage: Whether the values were computed from an image rather than measured on a machine.
    ///   - minimumTCB: The least versions, if the values are not from a machine.
    init(
        hardware measured: Measured, _ kind: TEEKind, evaluationDataNumber: Int?, isImage: Bool = false,
        minimumTCB given: [String: Int] = [:]
    ) throws {
        try self.init(measured, kind, isImage: isImage)
        var versions = measured.securityVersions.merging(given) { $1 }
        let product = versions.removeValue(forKey: "isvprodid")
        switch kind.hardware {
        case .sgx, .tdx:
            productID = product
            minimumTCB = versions
            advisories = []
            minimumEvaluationDataNumber = evaluationDataNumber
        case .snp: minimumTCB = versions
        case .nitro: maximumAgeSeconds = Self.maximumAgeSeconds
        case .development, .azureSNP, .azureTDX: break
        }
        if kind.hardware == .tdx || kind.hardware == .snp { flags = measured.flags }
    }

    /// Demands what the bundle promises about images, so that a reader of the policy sees it.
    mutating func demand(_ service: ServiceFacts) {
        everythingInside = service.isEverythingInside ? true : nil
        maximumBoundaryBytes = service.isEverythingInside ? nil : service.boundaryByteCount
        minimumSigma = service.sigma?.value
        pixelsOnly = service.acceptsFloats ? nil : true
    }

    private init(_ measured: Measured, _ kind: TEEKind, isImage: Bool = false) throws {
        tee = [kind.rawValue]
        guard let owner = measured.ownerPublicKey, let digest = measured.manifestDigest else {
            throw CommandFailure("measured", "the measurements are not of a bundle")
        }
        ownerPublicKey = owner
        manifestDigest = digest
        var pinned: [String: [String]] = [:]
        for name in Self.identity[kind] ?? [] {
            guard let value = measured.measurements[name] else {
                // RTMR0 of an image is not computed; the code that it covers is in the other registers.
                if isImage, name == "rtmr0" { continue }
                throw CommandFailure(
                    "measured", "the measurements have no value for \(name)",
                    remedy: "give the whole output of `infenclave measure --tee \(kind.rawValue) --json`")
            }
            let values = [value] + (measured.alternatives?[name] ?? [])
            let isZero = values.contains { CodeIdentity.isUnmeasured(name, [UInt8](hex: $0) ?? [], of: kind) }
            if isZero, CodeIdentity.names(of: kind).contains(name) {
                throw CommandFailure(
                    "measured", "\(name) is zero: nothing was measured into it, and any code would have this value",
                    remedy: kind == .tdx
                        ? "start the guest with firmware that has TdTcg2Dxe: edk2-stable202302 or later"
                        : "measure a machine whose firmware measures what it starts")
            }
            pinned[name] = values
        }
        // A guest that is started without the owner's identity block reports another digest, or zeros.
        if kind == .snp, let digest = measured.measurements["id_key_digest"], digest.contains(where: { $0 != "0" }) {
            pinned["id_key_digest"] = [digest]
        }
        // The certificate of the owner's signature. An image without it has zeros there.
        if kind == .nitro, let digest = measured.measurements["pcr8"], digest.contains(where: { $0 != "0" }) {
            pinned["pcr8"] = [digest]
        }
        measurements = pinned
    }

    /// The file's bytes, parsed once as a client does.
    func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let json = try encoder.encode(self) + [0x0A]
        do throws(AttestationError) { _ = try Policy(json: [UInt8](json)) } catch {
            throw CommandFailure("measured", "the measurements do not give a valid policy: \(error.message)")
        }
        return json
    }
}
