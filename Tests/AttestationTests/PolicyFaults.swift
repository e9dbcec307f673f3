// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Crypto
import Evidence
import Tensors

// Valid evidence that a policy, or the service's binding, refuses.

extension SingleFaultTests {
    static let policies: [SingleFault] = [
        SingleFault(.teeAllowed, .wrongTEE, IntelFixture.sgx(), policy: ["tee": #"["tdx","snp"]"#]) { _ in },
        SingleFault(
            .teeAllowed, .developmentNotAccepted, peer: DevelopmentFixture(), development: .dangerouslyAccept,
            policy: { $0["tee"] = #"["sgx","tdx","snp","nitro"]"# }),
        SingleFault(.collateralAge, .collateralRolledBack, "an older PCK CRL") {
            let fixture = IntelFixture.sgx()
            let later = CollateralRecord(date: Period.current.start).later(bySeconds: 1)
            return try AppraisalInput(fixture, seenBefore: ["pck_crl/Intel SGX PCK Platform CA": later])
        },
        SingleFault(.collateralAge, .collateralRolledBack, "TCB info of an older evaluation, signed later") {
            let fixture = IntelFixture.tdx()
            let seen = CollateralRecord(date: Period.current.start, evaluationDataNumber: 18)
            return try AppraisalInput(fixture, seenBefore: ["tcb_info/tdx/\(fixture.platform.fmspc.hex)": seen])
        },
        SingleFault(.collateralAge, .collateralRolledBack, "AMD's list is withheld from who saw it once") {
            let fixture = SNPFixture().with { $0.list = nil }
            let skip = #"{"revocation":"this cloud gives none"}"#
            let seen = CollateralRecord(date: Period.current.start)
            return try AppraisalInput(fixture, policy: ["skip": skip], seenBefore: ["crl/ARK-Milan": seen])
        },
        SingleFault(.debug, .debugEnabled, IntelFixture.sgx()) { $0.body.put([0x07], at: 48) },
        SingleFault(.debug, .debugEnabled, IntelFixture.tdx()) { $0.body.put([0x01], at: 120) },
        SingleFault(.debug, .debugEnabled, IntelFixture.tdx()) { $0.body.put([0x20], at: 120) },
        SingleFault(.debug, .debugEnabled, SNPFixture()) { $0.report.put([0x0B], at: 0x0A) },
        SingleFault(.debug, .debugEnabled, NitroFixture(), policy: ["measurements": #"{"pcr3":["\#(zero)"]}"#]) {
            $0.registers = []
        },
        SingleFault(.policyReserved, .policyReserved, SNPFixture()) { $0.report.put([0x01], at: 0x0A) },
        SingleFault(.migration, .migrationEnabled, SNPFixture()) { $0.report.put([0x07], at: 0x0A) },
        SingleFault(.migration, .migrationEnabled, IntelFixture.tdx()) { $0.body.put([0x30], at: 123) },
        SingleFault(.vmpl, .vmplNotAllowed, SNPFixture()) { $0.report.put([1], at: 0x30) },
        SingleFault(.vmpl, .vmplNotAllowed, SNPFixture(), policy: ["maximumVMPL": "3"]) {
            $0.report.put([255, 255, 255, 255], at: 0x30)
        },
        SingleFault(.flags, .flagMismatch, SNPFixture()) { $0.report.put([0x21], at: 0x40) },
        SingleFault(.flags, .flagMismatch, SNPFixture()) { $0.report.put([0x00], at: 0x40) },
        SingleFault(.flags, .flagMismatch, SNPFixture()) { $0.report.put([0x23], at: 0x0A) },
        SingleFault(.flags, .flagMismatch, SNPFixture(), policy: ["flags": #"{"septVEDisable":false}"#]) { _ in },
        SingleFault(.flags, .flagMismatch, IntelFixture.tdx()) { $0.body.put([0], at: 123) },
        SingleFault(.flags, .flagMismatch, SNPFixture(), policy: ["flags": #"{"pageSwapDisabled":true}"#]) { _ in },
        SingleFault(.flags, .flagMismatch, SNPFixture(), policy: ["flags": #"{"ciphertextHidingRequired":true}"#]) {
            // Bits 22, 23 and 25, but not 24.
            $0.report.put([0xC3, 0x02], at: 0x0A)
        },
        SingleFault(.mitigations, .mitigationMissing, SNPFixture(), policy: ["mitigations": #"{"current":[0]}"#]) {
            // A report of version 3 has no vectors: the bytes there are reserved.
            $0.report.put([0x01], at: 0x200)
        },
        SingleFault(
            .mitigations, .mitigationMissing, SNPFixture(), policy: ["mitigations": #"{"launch":[1,9],"current":[1]}"#]
        ) {
            $0.report.put([5], at: 0)
            $0.report.put([0x02, 0x01], at: 0x1F8)
            $0.report.put([0x02, 0x02], at: 0x200)
        },
        unstated("flags", .flags, SNPFixture()), unstated("flags", .flags, IntelFixture.tdx()),
        unstated("advisories", .advisories, IntelFixture.tdx()),
        unstated("minimumEvaluationDataNumber", .evaluationDataNumber, IntelFixture.sgx()),
        unstated("minimumTCB", .minimumTCB, IntelFixture.sgx()), unstated("minimumTCB", .minimumTCB, SNPFixture()),
        unstated("productID", .productID, IntelFixture.sgx()),
        unstated("maximumAgeSeconds", .age, NitroFixture()),
        SingleFault(.tcbStatus, .tcbStatusNotAllowed, IntelFixture.sgx()) {
            $0.tcbInfo.levels[0].status = "SWHardeningNeeded"
        },
        SingleFault(.tcbStatus, .tcbStatusNotAllowed, IntelFixture.sgx()) {
            $0.qeIdentity.levels[0].status = "OutOfDate"
        },
        SingleFault(.tcbStatus, .tcbStatusNotAllowed, IntelFixture.tdx()) {
            $0.tcbInfo.moduleLevels[0].status = "OutOfDate"
        },
        SingleFault(.advisories, .advisoryNotAllowed, IntelFixture.sgx(), policy: ["advisories": #"["INTEL-SA-1"]"#]) {
            $0.tcbInfo.levels[0].advisories = ["INTEL-SA-1", "INTEL-SA-2"]
        },
        SingleFault(.evaluationDataNumber, .evaluationTooLow, IntelFixture.sgx()) { $0.tcbInfo.evaluation = 16 },
        SingleFault(.evaluationDataNumber, .evaluationTooLow, IntelFixture.sgx()) { $0.qeIdentity.evaluation = 16 },
        SingleFault(.minimumTCB, .tcbStatusNotAllowed, IntelFixture.sgx()) { $0.body.put([2], at: 258) },
        SingleFault(.minimumTCB, .tcbStatusNotAllowed, SNPFixture()) {
            $0.report.put([218], at: 0x187)
            $0.versions[8] = 218
        },
        SingleFault(
            .minimumTCB, .policyIncomplete, peer: SNPFixture(), policy: { $0["minimumTCB"] = #"{"guestsvn":2}"# }),
        SingleFault(
            .minimumTCB, .policyIncomplete, peer: SNPFixture(),
            policy: { $0["minimumTCB"] = #"{"bootLoader":4,"tee":0,"microcode":219}"# }),
        SingleFault(.productID, .measurementMismatch, IntelFixture.sgx()) { $0.body.put([8], at: 256) },
        SingleFault(.measurements, .measurementMismatch, IntelFixture.sgx()) { $0.body.put([0], at: 64) },
        SingleFault(.measurements, .measurementMismatch, IntelFixture.tdx()) { $0.body.put([0], at: 424) },
        SingleFault(.measurements, .measurementMismatch, SNPFixture()) { $0.report.put([0], at: 0x90) },
        SingleFault(.measurements, .measurementMismatch, NitroFixture()) { $0.registers[0][0] = 0 },
        SingleFault(
            .measurements, .measurementNotPinned, peer: IntelFixture.tdx(),
            policy: { $0["measurements"] = #"{"mrtd":["\#([UInt8](repeating: 0xD2, count: 48).hex)"]}"# }),
        // Firmware that measures nothing leaves them zero, whatever it starts.
        SingleFault(
            .measurements, .measurementNotPinned,
            peer: IntelFixture.tdx().with {
                $0.body.put([UInt8](repeating: 0, count: 96), at: 328 + 48)
            },
            policy: {
                let zero = [UInt8](repeating: 0, count: 48).hex
                $0["measurements"] =
                    #"{"mrtd":["\#([UInt8](repeating: 0xD2, count: 48).hex)"],"rtmr1":["\#(zero)"],"RTMR2":["\#(zero)"]}"#
            }),
        SingleFault(
            .measurements, .measurementNotPinned, peer: IntelFixture.sgx(),
            policy: {
                // Without a minimum isvsvn an old enclave of the signer would be accepted.
                $0["measurements"] = #"{"mrsigner":["\#([UInt8](repeating: 0xE2, count: 32).hex)"]}"#
                $0["minimumTCB"] = #"{"configsvn":0}"#
            }),
        SingleFault(.age, .tooOld, NitroFixture()) { $0.made = Timestamp(iso8601: "2026-05-31T23:54:59Z")! },
    ]

    /// A service's policy that does not mention a check is refused; the check is not skipped.
    private static func unstated<Fixture: EvidenceFixture>(
        _ member: String, _ check: Check, _ fixture: @autoclosure @escaping @Sendable () -> Fixture
    ) -> SingleFault {
        SingleFault(check, .policyIncomplete, peer: fixture(), policy: { $0[member] = nil })
    }

    private static let zero = [UInt8](repeating: 0, count: 48).hex

    static let bindings: [SingleFault] = [
        SingleFault(.developmentAccepted, .developmentNotAccepted, peer: DevelopmentFixture()),
        SingleFault(
            .developmentKey, .signingKeyMismatch,
            peer: DevelopmentFixture().with { $0.named = Curve25519.Signing.PrivateKey() },
            development: .dangerouslyAccept),
        SingleFault(
            .developmentSignature, .reportSignatureInvalid,
            peer: DevelopmentFixture().with { $0.signer = Curve25519.Signing.PrivateKey() },
            development: .dangerouslyAccept),
        SingleFault(.nonce, .nonceMismatch, peer: IntelFixture.sgx(), nonce: [UInt8](repeating: 8, count: 32)),
        SingleFault(.ownerKey, .ownerKeyMismatch, peer: SNPFixture()) {
            try $0.document().changed(manifestCore: PeerFixture(SNPFixture()).manifestCore)
        },
        SingleFault(.ownerKey, .malformed, peer: SNPFixture()) {
            try $0.document().changed(manifestCore: Array("no core".utf8))
        },
        SingleFault(.manifestSignature, .manifestSignatureInvalid, peer: NitroFixture()) {
            try $0.document().changed(manifestSignature: $0.signature(of: [1]))
        },
        SingleFault(
            .manifestDigest, .manifestMismatch, peer: IntelFixture.tdx(),
            policy: { $0["manifestDigest"] = "\"\([UInt8](repeating: 1, count: 32).hex)\"" }),
        SingleFault(.reportData, .reportDataMismatch, peer: IntelFixture.tdx()) {
            try $0.document(over: $0.manifestCore + [0x20])
        },
        SingleFault(.reportData, .reportDataMismatch, peer: SNPFixture()) {
            let document = try $0.document()
            $0.keyConfiguration[0] ^= 1
            return try document.changed(keyConfiguration: $0.keyConfiguration)
        },
        SingleFault(.reportData, .reportDataMismatch, peer: NitroFixture()) {
            try $0.document().changed(epoch: [UInt8](repeating: 9, count: 16))
        },
        SingleFault(.reportData, .reportDataMismatch, peer: SNPFixture()) {
            try $0.document().changed(facts: $0.enclaveFacts(.leaseEnded).encoded())
        },
        SingleFault(.manifestTwin, .manifestMismatch, peer: SNPFixture()) {
            try $0.document().changed(manifest: $0.manifest + [0x20])
        },
    ]

    /// Genuine enclaves that process a picture differently from the signed manifest, or from the client's policy.
    static let services: [SingleFault] = [
        SingleFault(.enclaveParts, .partsMismatch, peer: SNPFixture()) {
            // The owner's FrontNet was replaced by another one of the same owner.
            $0.facts = $0.enclaveFacts(frontNet: 9).encoded()
            return try $0.document()
        },
        SingleFault(.enclaveParts, .malformed, peer: SNPFixture()) {
            $0.facts = Array("no facts".utf8)
            return try $0.document()
        },
        SingleFault(.enclaveParts, .unsupportedFormat, peer: SNPFixture()) {
            $0.facts[8] = 9
            return try $0.document()
        },
        SingleFault(.enclaveService, .serviceMismatch, peer: SNPFixture()) {
            let other = PeerFixture<SNPFixture>.service(classes: 11)
            $0.facts = $0.enclaveFacts(.provisioned(PeerFixture<SNPFixture>.lease, other)).encoded()
            return try $0.document()
        },
        SingleFault(
            .everythingInside, .notEverythingInside, peer: SNPFixture(),
            {
                $0.serve(PeerFixture<SNPFixture>.service(crossing: 100))
                return try $0.document()
            }, policy: { $0["maximumBoundaryBytes"] = nil }),
        SingleFault(
            .everythingInside, .policyIncomplete, peer: SNPFixture(),
            policy: {
                $0["manifestDigest"] = nil
                $0["everythingInside"] = nil
                $0["skip"] = #"{"manifestDigest":"any model of this owner"}"#
            }),
        SingleFault(
            .boundary, .boundaryTooLarge, peer: SNPFixture(),
            {
                $0.serve(PeerFixture<SNPFixture>.service(crossing: 100))
                return try $0.document()
            },
            policy: {
                $0["everythingInside"] = nil
                $0["maximumBoundaryBytes"] = "399"
            }),
        SingleFault(
            .noise, .noiseOutOfBounds, peer: SNPFixture(),
            {
                $0.serve(PeerFixture<SNPFixture>.service(crossing: 100))
                return try $0.document()
            },
            policy: {
                $0["everythingInside"] = nil
                $0["maximumBoundaryBytes"] = "400"
                $0["minimumSigma"] = "0.25"
            }),
        SingleFault(
            .noise, .noiseOutOfBounds, peer: SNPFixture(),
            {
                $0.serve(PeerFixture<SNPFixture>.service(crossing: 100, sigma: NoiseDeviation(2)))
                return try $0.document()
            },
            policy: {
                $0["everythingInside"] = nil
                $0["maximumBoundaryBytes"] = "400"
            }),
        SingleFault(.inputs, .floatsAccepted, peer: SNPFixture()) {
            $0.serve(PeerFixture<SNPFixture>.service(acceptsFloats: true))
            return try $0.document()
        },
        SingleFault(.lease, .leaseTooLong, peer: SNPFixture(), policy: { $0["maximumLeaseSeconds"] = "3599" }),
        SingleFault(
            .assessment, .assessmentMismatch, peer: SNPFixture(),
            policy: { $0["assessment"] = "{\"sha256\":\"\([UInt8](repeating: 0xD2, count: 32).hex)\"}" }),
        assessed(as: PeerFixture<SNPFixture>.manifest(gates: "standard"), demanding: #"{"gates":"strict"}"#),
        assessed(as: PeerFixture<SNPFixture>.manifest(gates: "custom"), demanding: #"{"gates":"standard"}"#),
        assessed(as: PeerFixture<SNPFixture>.manifest(passes: false), demanding: #"{"gates":"standard"}"#),
        assessed(as: PeerFixture<SNPFixture>.manifest(adversary: "paper"), demanding: #"{"gates":"standard"}"#),
        assessed(as: PeerFixture<SNPFixture>.manifest(), demanding: #"{"protects":["class"]}"#),
        assessed(as: PeerFixture<SNPFixture>.manifest(passes: false), demanding: #"{"protects":["identity"]}"#),
        assessed(as: PeerFixture<SNPFixture>.manifest(gates: "custom"), demanding: #"{"protects":["identity"]}"#),
        assessed(as: PeerFixture<SNPFixture>.manifest(gates: "custom"), demanding: #"{"attackerPictures":1}"#),
        assessed(
            as: PeerFixture<SNPFixture>.manifest(attackerPictures: 99_999), demanding: #"{"protects":["identity"]}"#),
        assessed(as: PeerFixture<SNPFixture>.manifest(attackerPictures: 99_999), demanding: #"{"gates":"standard"}"#),
        assessed(as: PeerFixture<SNPFixture>.manifest(), demanding: #"{"attackerPictures":100001}"#),
        SingleFault(.assessment, .malformed, peer: SNPFixture()) {
            $0 = PeerFixture($0.evidence, owner: $0.owner, manifest: Array("{}".utf8))
            return try $0.document()
        },
    ]

    private static func assessed(as manifest: [UInt8], demanding demand: String) -> SingleFault {
        SingleFault(
            .assessment, .assessmentMismatch, peer: SNPFixture(),
            {
                $0 = PeerFixture($0.evidence, owner: $0.owner, manifest: manifest)
                return try $0.document()
            }, policy: { $0["assessment"] = demand })
    }
}
