// SPDX-License-Identifier: Apache-2.0
import Attestation
import BundleFormat
import Evidence
import Tensors

extension FuzzSeed {
    static func evidenceSeeds() throws -> [FuzzSeed] {
        let report = try DevelopmentReport(
            measurement: zeros(48), reportData: zeros(64), publicKey: zeros(32), signature: zeros(64)
        ).encoded()
        let document = try EvidenceDocument(
            tee: .development, nonce: Array(0..<16), evidence: report, collateral: ["tcb_info": [1]],
            keyConfiguration: [1, 2], manifestCore: try manifestCore().encoded(), manifest: Array("{}".utf8),
            manifestSignature: zeros(64), facts: try facts()[1].encoded(), epoch: zeros(16))
        var parcel = EvidenceParcel(tee: .sgx, time: 1_750_000_000)
        parcel.evidence = intelQuote(version: 3, teeType: 0, bodyBytes: 384)
        return [
            FuzzSeed(.policy, "full", Array(policy.utf8)),
            FuzzSeed(.evidenceDocument, "development", try document.json()),
            FuzzSeed(.developmentReport, "zeros", report),
            FuzzSeed(.manifestCore, "cut", try manifestCore().encoded()),
            FuzzSeed(.enclaveFacts, "unprovisioned", try facts()[0].encoded()),
            FuzzSeed(.enclaveFacts, "provisioned", try facts()[1].encoded()),
            FuzzSeed(.intelQuote, "sgx-v3", parcel.evidence),
            FuzzSeed(.intelQuote, "tdx-v4", intelQuote(version: 4, teeType: 0x81, bodyBytes: 584)),
            FuzzSeed(.amdReport, "v2", snpReport()),
            FuzzSeed(.nitroDocument, "cbor", cbor), FuzzSeed(.verification, "zeros", parcel.bytes),
        ]
    }

    private static func service() throws -> ServiceFacts {
        let crossing = [TensorType(.float32, try Shape([1, 4, 2, 2])), TensorType(.uint8, try Shape([3]))]
        return try ServiceFacts(
            acceptsFloats: true, precision: .int8, channels: 3, height: 8, width: 8, classes: 10, topK: 5,
            sigma: NoiseDeviation(0.5), toHost: crossing, fromHost: crossing)
    }

    private static func manifestCore() throws -> ManifestCore {
        try ManifestCore(
            identifier: zeros(16), ownerPublicKey: zeros(32), service: service(),
            parts: [.frontNet, .mappingUnit, .backNet, .backNetONNX].map { kind in
                try ManifestCore.Part(kind: kind, byteCount: 100, digest: zeros(32))
            }, textDigest: zeros(32))
    }

    private static func facts() throws -> [EnclaveFacts] {
        let lease = EnclaveFacts.Lease(sequence: 7, seconds: 60, secondsLeft: 30)
        return try [.unprovisioned, .provisioned(lease, service())].map { state in
            try EnclaveFacts(frontNetDigest: zeros(32), mappingUnitDigest: zeros(32), state: state)
        }
    }

    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    private static let policy = """
        {"version":2,"tee":["tdx","snp"],"ownerPublicKey":"\(String(repeating: "0a", count: 32))",\
        "tcbStatuses":["SWHardeningNeeded"],"advisories":["INTEL-SA-00615"],"allowDebug":false,"allowMigration":false,\
        "maximumVMPL":1,"maximumAgeSeconds":300,"measurements":{"mrtd":["00ff"]},"minimumTCB":{"microcode":72},\
        "productID":1,"nonce":"0001","everythingInside":true,"maximumBoundaryBytes":10,"minimumSigma":0.5,\
        "maximumSigma":1e3,"pixelsOnly":true,"maximumLeaseSeconds":86400,"assessment":{"gates":"strict","protects":["identity","class"],"attackerPictures":7},"skip":{"manifestDigest":"any \\u00e9 will do"}}
        """

    /// Header, body and signature section of a quote, all zero except their lengths.
    private static func intelQuote(version: UInt8, teeType: UInt8, bodyBytes: Int) -> [UInt8] {
        let vendor: [UInt8] = [
            0x93, 0x9A, 0x72, 0x33, 0xF7, 0x9C, 0x4C, 0xA9, 0x94, 0x0A, 0x0D, 0xB3, 0x95, 0x7F, 0x06, 0x07,
        ]
        let header = [version, 0, 2, 0, teeType, 0, 0, 0] + zeros(4) + vendor + zeros(20)
        // QE report, its signature, no authentication data; certification data of kind 5, empty.
        let qe = zeros(384 + 64) + [0, 0, 5, 0, 0, 0, 0, 0]
        func counted(_ bytes: [UInt8]) -> [UInt8] {
            [UInt8(truncatingIfNeeded: bytes.count), UInt8(truncatingIfNeeded: bytes.count >> 8), 0, 0] + bytes
        }
        // From version 4 on the QE's part is certification data of kind 6.
        let signature = zeros(64 + 64) + (version == 3 ? qe : [6, 0] + counted(qe))
        return header + zeros(bodyBytes) + counted(signature)
    }

    private static func snpReport() -> [UInt8] {
        var report = zeros(SNPReport.byteCount)
        report[0] = 2
        report[0x34] = 1
        return report
    }

    /// `{"a": [1, -1, h'01', true, null], "b": 18({})}`, with an array of indefinite length.
    private static let cbor: [UInt8] = [
        0xA2, 0x61, 0x61, 0x9F, 0x01, 0x20, 0x41, 0x01, 0xF5, 0xF6, 0xFF, 0x61, 0x62, 0xD2, 0xA0,
    ]
}
