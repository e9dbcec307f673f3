// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Crypto
import Evidence
import Foundation
import Testing

/// Every file of collateral in every encoding of services, caches and tools, instead of the plain one.
@Suite("Encodings of collateral")
struct CollateralEncodingTests {
    private static let lists: [(String, @Sendable ([UInt8]) -> [UInt8])] = [
        ("hexadecimal", { Array($0.hex.utf8) }),
        ("hexadecimal in capitals with a line feed", { Array(($0.hex.uppercased() + "\n").utf8) }),
        ("hexadecimal with 0x", { Array(("0x" + $0.hex).utf8) }),
        ("hexadecimal in a JSON string", { Array("\"\($0.hex)\"".utf8) }),
        ("hexadecimal with a NUL", { Array($0.hex.utf8) + [0] }),
        ("base64", { Array(Data($0).base64EncodedString().utf8) }),
        ("base64 in lines", { Array(Data($0).base64EncodedString(options: .lineLength64Characters).utf8) }),
        ("PEM", { pem($0, "X509 CRL", lineEnd: "\n") }), ("PEM with CRLF", { pem($0, "X509 CRL", lineEnd: "\r\n") }),
        ("PEM with a NUL", { pem($0, "X509 CRL", lineEnd: "\n") + [0] }),
        ("hexadecimal of PEM", { Array(pem($0, "X509 CRL", lineEnd: "\n").hex.utf8) }),
        ("DER with a NUL", { $0 + [0] }),
    ]

    private static let chains: [(String, @Sendable ([UInt8]) -> [UInt8])] = [
        ("percent-encoded", { Array(encoded($0).utf8) }),
        ("percent-encoded with a NUL", { Array(encoded($0).utf8) + [0] }),
        ("as a form", { Array(encoded($0).replacing("%20", with: "+").utf8) }),
        ("with CRLF", { Array(String(decoding: $0, as: UTF8.self).replacing("\n", with: "\r\n").utf8) }),
        ("with a byte order mark", { [0xEF, 0xBB, 0xBF] + $0 }), ("hexadecimal", { Array($0.hex.utf8) }),
        (
            "in a JSON string",
            { (try? JSONEncoder().encode(String(decoding: $0, as: UTF8.self))).map(Array.init) ?? [] }
        ),
    ]

    private static let statements: [(String, @Sendable ([UInt8]) -> [UInt8])] = [
        ("with a NUL", { $0 + [0] }), ("with a line feed", { $0 + [0x0A] }),
        ("with a byte order mark", { [0xEF, 0xBB, 0xBF] + $0 }),
    ]

    private static let binaries: [(String, @Sendable ([UInt8]) -> [UInt8])] = [
        ("hexadecimal", { Array($0.hex.utf8) }), ("base64", { Array(Data($0).base64EncodedString().utf8) }),
        ("DER with a NUL", { $0 + [0] }), ("PEM with CRLF", { pem($0, "CERTIFICATE", lineEnd: "\r\n") }),
    ]

    private static func pem(_ der: [UInt8], _ label: String, lineEnd: String) -> [UInt8] {
        let body = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return Array("-----BEGIN \(label)-----\n\(body)\n-----END \(label)-----\n".replacing("\n", with: lineEnd).utf8)
    }

    private static func encoded(_ text: [UInt8]) -> String {
        text.map { byte in
            let isPlain = (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
            return isPlain || byte == 0x2D ? String(Unicode.Scalar(byte)) : "%" + [byte].hex.uppercased()
        }.joined()
    }

    private static func encodings(_ role: CollateralRole) -> [(String, @Sendable ([UInt8]) -> [UInt8])] {
        switch role {
        case .tcbInfo, .qeIdentity: statements
        case .eventLog: []
        case .pckCRL, .rootCACRL, .crl: lists
        case .tcbInfoIssuerChain, .qeIdentityIssuerChain, .pckCertificateChain: chains
        case .vcek, .vlek, .intermediate, .certificateTable:
            binaries
        }
    }

    @Test("Every role's file is accepted in each of its encodings, and the same changed byte is refused in each")
    func everyRole() throws {
        func expect(_ fixture: some EvidenceFixture) throws {
            let plain = try fixture.request()
            let policy = try Policy(members: fixture.policy)
            for (role, bytes) in plain.collateral {
                for (name, encode) in Self.encodings(role) {
                    var verdict = SavedEvidenceAppraiser(policy: policy).verdict(
                        on: try Self.request(plain, role, encode(bytes), fixture.roots()))
                    #expect(verdict.isAccepted, "\(role.rawValue) \(name): \(verdict.summary)")
                    // The changed byte is in the middle: the last one belongs to a brace or line end in text files.
                    var changed = bytes
                    changed[changed.count / 2] ^= 1
                    verdict = SavedEvidenceAppraiser(policy: policy).verdict(
                        on: try Self.request(plain, role, encode(changed), fixture.roots()))
                    #expect(!verdict.isAccepted, "\(role.rawValue) \(name)")
                }
            }
        }
        try expect(IntelFixture.tdx())
        try expect(SNPFixture())
    }

    private static func request(
        _ plain: VerificationRequest, _ role: CollateralRole, _ bytes: [UInt8], _ roots: TrustedRoots
    ) throws -> VerificationRequest {
        VerificationRequest(
            tee: plain.tee, evidence: plain.evidence,
            collateral: plain.collateral.merging([role: bytes]) { $1 }, at: plain.time, roots: roots)
    }

    private func verdict(_ fixture: SNPFixture, evidence: [UInt8]? = nil) throws -> Verdict {
        let request = VerificationRequest(
            tee: .snp, evidence: try evidence ?? fixture.evidence(over: SNPFixture.reportData),
            collateral: try fixture.collateral(), at: Period.now, roots: try fixture.roots())
        return SavedEvidenceAppraiser(policy: try Policy(members: fixture.policy)).verdict(on: request)
    }

    @Test("AMD's certificates are accepted in one file, in any order, and in the form of Azure's metadata service")
    func chainsOfAMD() throws {
        let fixture = SNPFixture()
        let (leaf, ask, ark) = (
            Self.pem(try fixture.certificate(), "CERTIFICATE", lineEnd: "\n"), try fixture.ask.pem(),
            try fixture.ark.pem()
        )
        let answer = [
            "vcekCert": String(decoding: leaf, as: UTF8.self),
            "certificateChain": String(decoding: ask + ark, as: UTF8.self),
            "tcbm": "DB18000000000004",
        ]
        let alone: [[UInt8]] = [
            leaf + ask + ark, ark + leaf + ask, Array(try JSONEncoder().encode(answer)),
        ]
        for file in alone {
            let verdict = try verdict(
                fixture.with {
                    $0.replaced = [.vcek: file]
                    $0.missing = [.intermediate]
                })
            #expect(verdict.isAccepted, "\(verdict.summary)")
        }
        for file in [ask + ark, ark + ask] {
            let verdict = try verdict(fixture.with { $0.replaced = [.intermediate: file] })
            #expect(verdict.isAccepted, "\(verdict.summary)")
        }
        // A file with two leaf certificates, and a chain without a leaf, are refused.
        for file in [leaf + leaf + ask, ask + ark] {
            let verdict = try verdict(fixture.with { $0.replaced = [.vcek: file] })
            #expect(verdict.failures.map(\.code) == [.certificateMalformed])
        }
    }

    @Test("A folder may use the file names of AMD's service; two files for one role are refused")
    func names() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "collateral-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let fixture = SNPFixture()
        let files: [String: [UInt8]] = [
            "cert_chain": try fixture.ask.pem() + fixture.ark.pem(), "vcek.crt": try fixture.certificate(),
            "crl": try #require(fixture.list).der(), "notes.txt": Array("not collateral".utf8),
        ]
        for (name, bytes) in files { try Data(bytes).write(to: folder.appending(path: name)) }
        let read = try CollateralFolder.read(folder.path)
        #expect(Set(read.keys) == [.intermediate, .vcek, .crl])
        let request = VerificationRequest(
            tee: .snp, evidence: try fixture.evidence(over: SNPFixture.reportData), collateral: read, at: Period.now,
            roots: try fixture.roots())
        #expect(SavedEvidenceAppraiser(policy: nil).verdict(on: request).isAccepted)
        try Data(try fixture.ask.der()).write(to: folder.appending(path: "intermediate.der"))
        #expect(throws: AttestationError.self) { try CollateralFolder.read(folder.path) }
    }

    @Test("A root certificate in a collateral file is not trusted")
    func rootInFile() throws {
        var fixture = SNPFixture()
        let (leaf, ask, ark) = (
            Self.pem(try fixture.certificate(), "CERTIFICATE", lineEnd: "\n"), try fixture.ask.pem(),
            try fixture.ark.pem()
        )
        fixture.replaced = [.vcek: leaf + ask + ark]
        fixture.missing = [.intermediate, .crl]
        let request = VerificationRequest(
            tee: .snp, evidence: try fixture.evidence(over: SNPFixture.reportData),
            collateral: try fixture.collateral(), at: Period.now)
        let verdict = SavedEvidenceAppraiser(policy: nil).verdict(on: request)
        #expect(verdict.failures.map(\.code) == [.vekChainInvalid])
    }

    @Test(
        "A report followed by the host's certificate table needs no further file; other trailing bytes are refused"
    )
    func table() throws {
        let fixture = SNPFixture().with { $0.missing = [.vcek, .intermediate] }
        let report = try fixture.evidence(over: SNPFixture.reportData)
        let table = try fixture.certificateTable()
        #expect(try verdict(fixture, evidence: report + table).isAccepted)
        let code = try verdict(fixture, evidence: report + table.dropLast(200)).failures.map(\.code)
        #expect(code == [.malformed])
        #expect(try verdict(fixture, evidence: report + [1, 2, 3]).failures.map(\.code) == [.malformed])
        let flood = report + [UInt8](repeating: 0, count: 70_000)
        #expect(try verdict(fixture, evidence: flood).failures.map(\.code) == [.malformed])
        // A file given by its role takes precedence over the table.
        let other = SNPFixture().with { $0.replaced = [.vcek: [1]] }
        #expect(try verdict(other, evidence: report + table).failures.map(\.code) == [.certificateMalformed])
    }

    private static func urlSafe(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
    }

    @Test("Certificates are accepted in base64 of either alphabet")
    func alphabets() throws {
        let fixture = SNPFixture()
        let der = try fixture.certificate()
        let text = Self.urlSafe(der)
        #expect(text.contains("-") && text.contains("_"))
        for text in [text, Data(der).base64EncodedString()] {
            let verdict = try verdict(
                SNPFixture().with { $0.replaced = [.vcek: Array(text.utf8)] },
                evidence: fixture.evidence(over: SNPFixture.reportData))
            #expect(verdict.isAccepted, "\(verdict.summary)")
        }
    }

    @Test("Evidence as text is refused with the command that converts it to bytes")
    func encodedEvidence() throws {
        let fixture = SNPFixture()
        let report = try fixture.evidence(over: SNPFixture.reportData)
        let forms: [([UInt8], String)] = [
            (Array(report.hex.utf8), "xxd -r -p"), (Array((report.hex.uppercased() + "\n").utf8), "xxd -r -p"),
            (Array(Data(report).base64EncodedString().utf8), "base64 -d"),
            (Array(Data(report).base64EncodedString(options: .lineLength76Characters).utf8), "base64 -d"),
            (Array(Self.urlSafe(report).utf8), "tr -- -_ +/ < FILE | base64 -d"),
            (Array("{\"quote\": \"\(report.hex)\"}".utf8), "JSON"), (Array("HCLA".utf8) + report, "HCL report"),
        ]
        for (evidence, remedy) in forms {
            let verdict = try verdict(fixture, evidence: evidence)
            #expect(verdict.failures.map(\.code) == [.unsupportedFormat])
            #expect(verdict.summary.contains(remedy), "\(verdict.summary)")
        }
    }
}
