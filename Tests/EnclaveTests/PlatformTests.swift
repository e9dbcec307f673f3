// SPDX-License-Identifier: Apache-2.0
import Crypto
import EnclaveCore
import EnclavePlatform
import Evidence
import FrameStream
import Glibc
import Sandbox
import Testing

@Suite("The development TEE")
struct DevelopmentTests {
    private func temporaryPath() -> String {
        var generator = SystemRandomNumberGenerator()
        return "/tmp/infenclave-test-\(String(generator.next() as UInt64, radix: 36))"
    }

    @Test("A report has the measurement, the report data and a signature that the public key verifies")
    func report() throws {
        let key = Curve25519.Signing.PrivateKey()
        let measurement = [UInt8](repeating: 3, count: 48)
        let reportData = (0..<64).map { UInt8($0) }
        let source = DevelopmentEvidence(measurement: measurement, key: key)
        let evidence = try source.evidence(reportData: reportData).evidence
        // The contract's layout, written out.
        #expect(evidence.count == 216)
        let signed = Array("INFDEV\0".utf8) + [1] + measurement + reportData
        #expect(Array(evidence.prefix(120)) == signed)
        #expect(Array(evidence[120..<152]) == Array(key.publicKey.rawRepresentation))
        #expect(
            key.publicKey.isValidSignature(
                evidence[152...], for: Array("infenclave development report v1".utf8) + [0] + signed))
        #expect(throws: EvidenceSourceError.self) { try source.evidence(reportData: [1]) }
    }

    @Test("The key file is created once, with mode 0600, and one that others can read is refused")
    func keyFile() throws {
        let path = temporaryPath()
        defer { unlink(path) }
        let first = try DevelopmentKey.publicKey(path)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(status.st_size == 32)
        #expect(try DevelopmentKey.publicKey(path) == first)
        chmod(path, 0o644)
        let error = #expect(throws: EvidenceSourceError.self) { try DevelopmentKey.publicKey(path) }
        #expect(error?.code == .configurationInvalid)
        #expect(error?.message.contains(path) == true)
        #expect(throws: EvidenceSourceError.self) { try DevelopmentKey.publicKey("/nonexistent/folder/key") }
    }

    @Test("The measurement is the SHA-384 of the file")
    func measurement() throws {
        let path = temporaryPath()
        defer { unlink(path) }
        let file = try #require(fopen(path, "w"))
        let content = [UInt8]((0..<600_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        #expect(fwrite(content, 1, content.count, file) == content.count)
        fclose(file)
        #expect(try ExecutableMeasurement.ofFile(path) == Array(SHA384.hash(data: content)))
        #expect(try ExecutableMeasurement.ofThisProcess().count == 48)
        #expect(throws: EvidenceSourceError.self) { try ExecutableMeasurement.ofFile("/nonexistent") }
    }

    @Test(
        "Command lines are accepted as the usage text states",
        arguments: [
            ("--measure", EnclaveArguments.measure),
            ("--print-development-key k", .developmentKey(path: "k")),
            (
                "--tee development --development-key k",
                .serve(
                    .development, developmentKey: "k", connect: .descriptor(3), workers: nil, threads: nil,
                    threadsAlone: nil, sandbox: .available)
            ),
            (
                "--threads 2 --tee snp",
                .serve(
                    .snp, developmentKey: nil, connect: .descriptor(3), workers: nil, threads: 2, threadsAlone: nil,
                    sandbox: .available)
            ),
            (
                "--tee snp --workers 3",
                .serve(
                    .snp, developmentKey: nil, connect: .descriptor(3), workers: 3, threads: nil, threadsAlone: nil,
                    sandbox: .available)
            ),
            ("--tee snp --workers 0", nil), ("--tee snp --threads-alone x", nil),
            (
                "--tee sgx",
                .serve(
                    .sgx, developmentKey: nil, connect: .descriptor(3), workers: nil, threads: nil, threadsAlone: nil,
                    sandbox: .available)
            ),
            (
                "--sandbox required --tee tdx",
                .serve(
                    .tdx, developmentKey: nil, connect: .descriptor(3), workers: nil, threads: nil, threadsAlone: nil,
                    sandbox: .required)
            ), ("--tee tdx --sandbox yes", nil), ("", nil),
            ("--tee", nil),
            ("--tee development", nil), ("--tee sgx --development-key k", nil), ("--tee auto", nil),
            ("--tee sgx --tee sgx", nil), ("--tee sgx --threads 0", nil), ("--tee sgx --threads x", nil),
            ("--detect", .detect), ("--report tdx", .report(.tdx)), ("--report development", nil), ("--report", nil),
            ("--detect --tee sgx", nil), ("--measure --tee sgx", nil), ("--print-development-key", nil),
            ("--verbose", nil),
        ] as [(String, EnclaveArguments?)])
    func arguments(line: String, expected: EnclaveArguments?) {
        #expect(EnclaveArguments(line.split(separator: " ").map(String.init)) == expected)
    }
}
