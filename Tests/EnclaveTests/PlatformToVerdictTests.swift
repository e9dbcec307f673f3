// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import BundleFormat
import Crypto
import EnclaveCore
import EnclaveFixtures
import EnclavePlatform
import Evidence
import SealedChannel
import Testing
import Wire

/// Evidence passes the whole chain: the kernel's interface, the source, the enclave, the document, the appraiser. The
/// two ends have separate code, and only this test shows that they agree on names.
@Suite("Evidence from the platform to the verdict")
struct PlatformToVerdictTests {
    /// - Parameter collateral: The client's own.
    private func verdict(
        _ fixture: some EvidenceFixture, _ source: any EvidenceSource, collateral: [CollateralRole: [UInt8]]
    ) throws -> Verdict {
        let deployment = try Deployment()
        let host = try TestHost(deployment, evidence: source)
        try host.load()
        let nonce = (0..<32).map { UInt8($0) }
        guard case .evidence(let evidence) = try host.send(.evidence(nonce: nonce)) else {
            throw EvidenceSourceError(.failed, "no evidence")
        }
        let document = try EvidenceDocument(
            tee: source.kind, nonce: nonce, evidence: evidence.evidence, collateral: evidence.collateral,
            keyConfiguration: evidence.keyConfiguration, manifestCore: deployment.core.encoded(),
            manifest: deployment.manifest,
            manifestSignature: try ManifestSignature.sign(deployment.core.encoded(), by: deployment.owner),
            facts: evidence.facts, epoch: evidence.epoch)
        var members = fixture.policy
        members["ownerPublicKey"] = "\"\(deployment.owner.publicKey)\""
        members["manifestDigest"] = "\"\(deployment.manifestDigest)\""
        let policy = try Policy(members: members)
        let received = try EvidenceDocument(json: document.json())
        let roots = try fixture.roots()
        return try Appraiser(policy: policy).verify(
            received, nonce: nonce, at: Period.now, collateral: collateral, roots: roots
        ).verdict
    }

    @Test("An SNP report is accepted with the certificates in the host's table")
    func snp() throws {
        let fixture = SNPFixture()
        let kernel = ModelKernel(provider: "sev_guest", auxblob: try fixture.certificateTable()) { reportData in
            (try? fixture.evidence(over: reportData)) ?? []
        }
        let list = try #require(try fixture.collateral()[.crl])
        let verdict = try verdict(fixture, ConfigfsEvidence(.snp, files: kernel), collateral: [.crl: list])
        #expect(verdict.isAccepted)
        #expect(verdict.entries.contains { $0.check == .vekCertificate && $0.outcome == .passed })
    }

    @Test("A TDX quote is accepted with the client's collateral", arguments: [4, 5] as [UInt16])
    func tdx(version: UInt16) throws {
        let fixture = IntelFixture.tdx(version: version, is15: version == 5)
        let kernel = ModelKernel(provider: "tdx_guest") { (try? fixture.evidence(over: $0)) ?? [] }
        let source = try ConfigfsEvidence(.tdx, files: kernel)
        #expect(try verdict(fixture, source, collateral: fixture.collateral()).isAccepted)
        #expect(throws: AttestationError.self) { try verdict(fixture, source, collateral: [:]) }
    }

    @Test("Gramine's SGX quote is accepted with the client's collateral")
    func sgx() throws {
        let fixture = IntelFixture.sgx()
        let files: [String: [UInt8]] = [
            "/dev/attestation/attestation_type": Array("dcap".utf8), "/dev/attestation/user_report_data": [],
            "/dev/attestation/quote": [],
        ]
        let kernel = ModelKernel(files: files) { (try? fixture.evidence(over: $0)) ?? [] }
        #expect(try verdict(fixture, GramineEvidence(files: kernel), collateral: fixture.collateral()).isAccepted)
    }

    @Test("The present TEE is detected, and without one the development TEE is not chosen")
    func detection() throws {
        let absent = HardwareEvidenceTests.ModelModule { _ throws(KernelError) in throw .noEntry }
        let present = HardwareEvidenceTests.ModelModule { _ throws(KernelError) in [0xA0] }
        let gramine = ["/dev/attestation/attestation_type": Array("dcap\n".utf8)]
        #expect(try EvidenceSources.detect(files: ModelKernel(files: gramine), module: absent) == .sgx)
        #expect(try EvidenceSources.detect(files: ModelKernel(provider: "tdx_guest"), module: absent) == .tdx)
        #expect(try EvidenceSources.detect(files: ModelKernel(provider: "sev_guest"), module: absent) == .snp)
        #expect(try EvidenceSources.detect(files: ModelKernel(), module: present) == .nitro)
        let error = #expect(throws: EvidenceSourceError.self) {
            try EvidenceSources.detect(files: ModelKernel(provider: "arm_cca_guest"), module: absent)
        }
        #expect(error?.code == .absent)
        for word in ["/dev/attestation", "arm_cca_guest", "sev_guest", "/dev/nsm", "tdx"] {
            #expect(error?.message.contains(word) == true, "\(word)")
        }
    }

    @Test("A Nitro document is accepted")
    func nitro() throws {
        let fixture = NitroFixture()
        let module = HardwareEvidenceTests.ModelModule { request throws(KernelError) in
            let head = [0xA1, 0x6B] + Array("Attestation".utf8)
            guard request.starts(with: head) else { return [0xA1, 0x6B] + Array("DescribeNSM".utf8) + [0xA0] }
            // The user data of a request lies between its name and the nonce: 64 bytes.
            let start = head.count + 1 + 1 + "user_data".utf8.count + 2
            let document = (try? fixture.evidence(over: Array(request[start..<start + 64]))) ?? []
            return head + [0xA1, 0x68] + Array("document".utf8)
                + [0x59, UInt8(document.count >> 8), UInt8(document.count & 255)] + document
        }
        #expect(try verdict(fixture, NitroEvidence(module: module), collateral: [:]).isAccepted)
    }
}
