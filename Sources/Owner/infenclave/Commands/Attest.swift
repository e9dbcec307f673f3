// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attestation
import InfenclaveClient
import ProxyCommand

struct Attest: Command {
    static let configuration = CommandConfiguration(
        abstract: "Verify a server's enclave or saved evidence against a policy, and list every check.")

    @Option(help: ArgumentHelp("The server, http://HOST:PORT.", valueName: "url")) var server: String?
    @Option(help: ArgumentHelp("Saved evidence: a quote, report or attestation document.", valueName: "file"))
    var evidence: String?
    @Option(
        help: ArgumentHelp(
            "The policy, a JSON file. Optional for saved evidence, which is then verified and not appraised.",
            valueName: "file"))
    var policy: String?
    @Option(
        help: ArgumentHelp(
            "The kind of saved evidence: sgx, tdx, snp, nitro, az-snp or az-tdx.",
            discussion: "With --server it is needed for `development` only.", valueName: "kind"))
    var tee: String?
    @OptionGroup var collateral: CollateralArguments
    @OptionGroup var saved: SavedEvidenceArguments
    @Flag(help: "Print every check: the compared values, the outcome and the remedy.") var explain = false
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (server == nil) != (evidence == nil) else {
            throw ValidationError("give either --server URL or --evidence FILE")
        }
        guard evidence != nil || !saved.isUsed else {
            throw ValidationError(
                "--at, --report-data and --dangerously-trust-root are for --evidence only")
        }
        guard server == nil || policy != nil else { throw ValidationError("--server needs --policy") }
        if evidence != nil { _ = try SavedEvidenceArguments.kind(tee) }
    }

    func execute() async throws {
        let verdict: Verdict
        if let evidence {
            verdict = try await saved.verdict(
                on: evidence, kind: SavedEvidenceArguments.kind(tee), policy: policy, collateral: collateral)
        } else {
            verdict = try await serverVerdict()
        }
        let report = VerdictReport(verdict)
        if json {
            try printJSON(report)
        } else {
            for line in report.summary + (explain ? report.explanation : []) { print(line) }
            if explain, let log = try collateral.eventLog() {
                print("the event log, register by register; the quote confirms it only if the check event-log passed:")
                for line in try EventLogReplay(parsing: log).explanation { print(line) }
            }
        }
        guard verdict.isAccepted else { throw ExitCode(1) }
    }

    private func serverVerdict() async throws -> Verdict {
        var arguments = ["--server", server ?? "", "--policy", policy ?? ""]
        if let tee { arguments += ["--tee", tee] }
        let client = try ServerArguments.parse(arguments + collateral.arguments).client()
        do {
            return try await client.attest().peer.verdict
        } catch let error as ClientError {
            guard error.code == .attestationRejected, let rejected = error.verdict else { throw error }
            return rejected
        }
    }
}
