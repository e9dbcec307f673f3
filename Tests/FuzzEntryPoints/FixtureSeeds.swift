// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence

/// Evidence that is accepted, of each TEE and version, under roots of the fixtures' own.
extension FuzzSeed {
    static func fixtureSeeds() throws -> [FuzzSeed] {
        let fixtures: [(String, any EvidenceFixture, [UInt8])] = try [
            IntelFixture.sgx(), IntelFixture.sgx(version: 4), IntelFixture.tdx(), IntelFixture.tdx(version: 5),
            IntelFixture.tdx(version: 5, is15: true),
        ].map { ("\($0.tee.rawValue)-v\($0.version)-\($0.body.count)", $0, try $0.root()) }
        let snp = SNPFixture()
        let nitro = NitroFixture()
        let (azureSNP, azureTDX) = (AzureFixture.snp(), AzureFixture.tdx())
        let azure: [(String, any EvidenceFixture, [UInt8])] = [
            ("az-snp", azureSNP, try azureSNP.hardware.root()), ("az-tdx", azureTDX, try azureTDX.hardware.root()),
        ]
        return try (fixtures + azure + [("snp", snp, try snp.root()), ("nitro", nitro, try nitro.root())]).flatMap {
            name, fixture, root in
            var parcel = EvidenceParcel(tee: fixture.tee, time: Period.now.secondsSince1970)
            parcel.evidence = try fixture.evidence(over: type(of: fixture).reportData)
            parcel.root = root
            parcel.collateral = try fixture.collateral()
            return [FuzzSeed(.verification, "made-\(name)", parcel.bytes)] + parts(of: parcel, "made-\(name)")
        } + [
            FuzzSeed(.amdReport, "made-table", try snp.certificateTable()),
            FuzzSeed(
                .eventLog, "made",
                EventLogFixture.bytes([
                    .init(register: 0, kind: 4, digest: [UInt8](repeating: 1, count: 48), data: [0, 0, 0, 0]),
                    .init(register: 2, kind: 6, digest: [UInt8](repeating: 2, count: 48), data: Array("cmdline".utf8)),
                ])),
        ]
    }

    /// Each file of a parcel, for the target that reads it alone.
    static func parts(of parcel: EvidenceParcel, _ name: String) -> [FuzzSeed] {
        let evidence: FuzzTarget? =
            switch parcel.tee {
            case .sgx, .tdx: .intelQuote
            case .snp: .amdReport
            case .nitro: .nitroDocument
            case .azureSNP, .azureTDX: .azureEvidence
            case .development: nil
            }
        var seeds = evidence.map { [FuzzSeed($0, name, parcel.evidence)] } ?? []
        if let root = parcel.root { seeds.append(FuzzSeed(.certificate, name, root)) }
        let targets: [CollateralRole: FuzzTarget] = [
            .tcbInfo: .tcbInfo, .qeIdentity: .qeIdentity, .pckCRL: .revocationList, .rootCACRL: .revocationList,
            .crl: .revocationList, .vcek: .certificate, .vlek: .certificate, .intermediate: .certificate,
        ]
        for (role, bytes) in parcel.collateral.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            if let target = targets[role] { seeds.append(FuzzSeed(target, "\(name)-\(role.rawValue)", bytes)) }
        }
        return seeds
    }
}
