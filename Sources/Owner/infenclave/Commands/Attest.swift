import ArgumentParser
import Attestation
import InfenclaveClient

struct Attest: Command {
    static let configuration = CommandConfiguration(
        abstract: "Verify a server's enclave against a policy, and list every check.")

    @OptionGroup var target: ServerArguments
    @Flag(help: "Print JSON.") var json = false

    func execute() async throws {
        let client = try target.client()
        let verdict: Verdict
        do throws(ClientError) {
            verdict = try await client.attest().peer.verdict
        } catch {
            guard error.code == .attestationRejected, let rejected = error.verdict else { throw error }
            verdict = rejected
        }
        let report = VerdictReport(verdict)
        if json { try printJSON(report) } else { print(report.text) }
        guard verdict.isAccepted else { throw ExitCode(1) }
    }
}

/// A verdict for people and programs.
struct VerdictReport: Encodable {
    struct Reason: Encodable { let check, code, message: String }
    struct Skipped: Encodable { let check, reason: String }

    let tee, verdict: String
    let reasons: [Reason]
    let measurement: String
    let measurements: [String: String]
    let skipped: [Skipped]
    let warnings: [String]
    private let lines: [String]

    enum CodingKeys: CodingKey { case tee, verdict, reasons, measurement, measurements, skipped, warnings }

    init(_ verdict: Verdict) {
        tee = verdict.tee.rawValue
        self.verdict = verdict.isAccepted ? "accepted" : "rejected"
        reasons = verdict.failures.map { entry, code in
            Reason(
                check: entry.check.rawValue, code: code.rawValue,
                message: "\(entry.check.summary): found \(entry.found), expected \(entry.expected); \(code.remedy)")
        }
        measurement = verdict.claims.measurements.first?.value.hexadecimal ?? ""
        measurements = Dictionary(
            verdict.claims.measurements.map { ($0.name, $0.value.hexadecimal) }, uniquingKeysWith: { first, _ in first })
        skipped = verdict.skipped.map { Skipped(check: $0.check.rawValue, reason: $0.reason) }
        warnings = verdict.warnings
        lines = verdict.entries.map { entry in
            switch entry.outcome {
            case .passed: "  pass  \(entry.check.rawValue): \(entry.check.summary)"
            case .failed(let code): "  FAIL  \(entry.check.rawValue): \(code.rawValue); \(code.remedy)"
            case .skipped(let reason): "  skip  \(entry.check.rawValue): \(reason)"
            }
        }
    }

    var text: String {
        (["\(tee) evidence \(verdict)"] + lines + warnings.map { "warning: \($0)" }).joined(separator: "\n")
    }
}
