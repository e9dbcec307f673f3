// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attestation
import Foundation
import InfenclaveClient
import KeyRelease
import ProxyCommand
import SealedChannel
import SecretMemory

struct KeyholdRun: Command {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Watch servers until stopped (the default of `keyhold`).",
        discussion: """
            It opens no port. When an enclave needs the model key, or its lease runs out, it verifies the evidence \
            against the owner's signed policy and provisions. `infenclave keyhold sign` signs the policy, and \
            `infenclave keyhold verify` checks the log of every release and refusal.
            """)

    @Option(help: ArgumentHelp("A server, http://HOST:PORT; repeatable.", valueName: "url")) var server: [String]
    @Option(
        help: ArgumentHelp(
            "The policy, with the owner's signature in POLICY.sig beside it, as `keyhold sign` writes it.",
            valueName: "file"))
    var policy: String
    @Option(help: ArgumentHelp("The model key, as `partition` wrote it.", valueName: "file")) var key: String
    @Option(help: ArgumentHelp("The owner's signing key.", valueName: "file")) var ownerKey: String
    @Option(
        help: ArgumentHelp(
            "A folder with the clients that the enclave may answer.",
            discussion:
                "NAME.token for each, and NAME.json with {\"requests\": N, \"requestsPerMinute\": N} for quotas of its own. Changes take effect at once.",
            valueName: "dir"))
    var clients: String
    @Option(help: ArgumentHelp("The log. Default: keyhold.log in the user's state folder.", valueName: "file")) var log:
        String?
    @Option(help: ArgumentHelp("Each client's request quota in the lease.", valueName: "n")) var requests = ClientGrant
        .defaultRequests
    @Option(help: ArgumentHelp("Each client's request quota per minute.", valueName: "n")) var perMinute = ClientGrant
        .defaultRequestsPerMinute
    @Option(
        help: ArgumentHelp("How long an enclave may serve; renewed when a quarter of it is left.", valueName: "time"))
    var lease = LeaseTime(seconds: ServiceTerms.defaultLeaseSeconds)
    @Option(
        help: ArgumentHelp("Maximum requests that the enclave computes, or that wait for the BackNet.", valueName: "n"))
    var inFlight: UInt32 = 64
    @Option(
        help: ArgumentHelp("Replicas that each server runs of this model; further ones get no key.", valueName: "n"))
    var replicas = 1
    @Option(
        help: ArgumentHelp(
            "Maximum releases per hour, for all servers together. Default: 12 for each replica.", valueName: "n"))
    var releasesPerHour: Int?
    @Option(help: ArgumentHelp("Seconds between two checks of a server.", valueName: "seconds")) var interval = 5.0
    @Option(help: ArgumentHelp("Accept this TEE (only `development`); the policy must name it too.", valueName: "kind"))
    var tee: String?
    @OptionGroup var audit: AuditArguments
    @OptionGroup var collateral: CollateralArguments

    func validate() throws {
        guard !server.isEmpty else { throw ValidationError("--server: name at least one") }
        guard Set(server).count == server.count else { throw ValidationError("--server: one is named twice") }
        if let tee, tee != "development" {
            throw ValidationError("--tee takes only 'development'; hardware is accepted as the policy says")
        }
        guard requests > 0, perMinute > 0, inFlight > 0, (1...3600).contains(releasesPerHour ?? 12) else {
            throw ValidationError(
                "--requests, --per-minute and --in-flight take 1 or more, --releases-per-hour 1 to 3600")
        }
        guard ReplicaCount.range.contains(replicas) else {
            throw ValidationError("--replicas takes 1 to \(ReplicaCount.range.upperBound)")
        }
        guard interval >= 0.1, interval <= 3600 else { throw ValidationError("--interval takes 0.1 to 3600") }
    }

    func execute() async throws {
        try ProcessHardening.forbidDumps()
        let keyholder = try Keyholder(
            policy: policy,
            clients: ClientFolder(clients, requests: requests, requestsPerMinute: perMinute),
            modelKey: try ModelKey(contentsOf: key), ownerKey: try OwnerSigningKey(contentsOf: ownerKey),
            terms: ReleaseTerms(
                leaseSeconds: lease.seconds, requestsInFlight: inFlight,
                releasesPerHour: releasesPerHour ?? 12 * replicas, replicas: replicas, audit: audit.demand),
            log: try log ?? StateFolder.file("keyhold.log"), pause: .milliseconds(Int(interval * 1000)),
            now: { Date().timeIntervalSince1970 }, say: { printError($0.summary) })
        if tee == "development" {
            printError("warning: \(DevelopmentTEE.warning)")
        }
        try await keyholder.watch(try server.map(watched))
    }

    private static var withoutRetries: ClientOptions {
        var options = ClientOptions()
        options.retries = .never
        return options
    }

    private func watched(_ url: String) throws -> WatchedServer {
        let sources = try collateral.sources()
        let history = try collateral.history()
        let development: DevelopmentTEE = tee == "development" ? .dangerouslyAccept : .refuse
        // The keyholder has its own retry schedule.
        let options = Self.withoutRetries
        // Finds a mistyped address at the start. The policy is applied at each check.
        let probe = try InfenclaveClient(server: url, policy: Policy(tee: []))
        return WatchedServer(
            url: url, saysReady: { try await probe.saysReady($0) },
            attest: { policy, place in
                let client = try InfenclaveClient(
                    server: url, policy: policy, development: development, collateral: sources, history: history,
                    options: options)
                return try await client.attest(place)
            })
    }
}

extension LogEntry {
    /// One line of text.
    fileprivate var summary: String {
        var words = ["\(number)", event.rawValue]
        if let server { words.append(server) }
        if let epoch { words.append("run \(epoch)") }
        if let cause { words.append("(\(cause.rawValue))") }
        if let code { words.append(code) }
        if let reason { words.append("- \(reason)") }
        if let audit {
            words.append("- audit: \(audit.audited) of \(audit.results) results computed again, \(audit.wrong) wrong")
        }
        return words.joined(separator: " ")
    }
}
