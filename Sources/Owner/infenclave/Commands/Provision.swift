import ArgumentParser
import Attestation
import Evidence
import Foundation
import InfenclaveClient
import SealedChannel
import SecretMemory

struct Provision: Command {
    static let configuration = CommandConfiguration(
        abstract: "Verify the enclave, then give it the model key and the clients that it may answer, for a lease.",
        discussion: """
            Provisioning again replaces clients, quotas and lease. When the lease ends, the enclave wipes the model and \
            refuses every request until it is provisioned again.
            """)

    @OptionGroup var target: ServerArguments
    @Option(help: "The model key, as `partition` wrote it.") var key: String
    @Option(help: "The owner's signing key.") var ownerKey: String
    @Option(
        help: ArgumentHelp(
            "A client's access token; repeat it for more.",
            discussion: "FILE,requests=N,per-minute=N gives one client quotas of its own."))
    var clientToken: [String] = []
    @Option(help: "Requests of each client in the lease.") var requests = ClientGrant.defaultRequests
    @Option(help: "Requests of each client a minute.") var perMinute = ClientGrant.defaultRequestsPerMinute
    @Option(help: "How long the enclave may serve: a number with s, m, h or d.")
    var lease = LeaseTime(seconds: ServiceTerms.defaultLeaseSeconds)
    @Option(help: "Requests that the enclave holds at a time while the BackNet runs.") var inFlight: UInt32 = 64
    @Option(
        help: ArgumentHelp(
            "Orders provisioning messages: a lower number than before is refused.",
            discussion: "The present time in milliseconds unless said otherwise."))
    var sequence: UInt64?
    @OptionGroup var audit: AuditArguments
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard !clientToken.isEmpty else {
            throw ValidationError("--client-token: without one, the enclave would answer nobody")
        }
        guard requests > 0, perMinute > 0, inFlight > 0, sequence != 0 else {
            throw ValidationError("--requests, --per-minute, --in-flight and --sequence take 1 or more")
        }
        _ = try clientToken.map { try ClientArgument($0) }
    }

    func execute() async throws {
        try ProcessHardening.forbidDumps()
        let client = try target.client()
        let modelKey = try ModelKey(contentsOf: key)
        let owner = try OwnerSigningKey(contentsOf: ownerKey)
        let clients = try clientToken.map {
            try ClientArgument($0).grant(requests: requests, requestsPerMinute: perMinute)
        }
        let session = try await client.attest()
        target.warnOfDevelopment()
        let terms = ServiceTerms(
            sequence: sequence ?? UInt64(max(1, Date().timeIntervalSince1970 * 1000)), leaseSeconds: lease.seconds,
            requestsInFlight: inFlight, audit: try audit.terms(for: session.manifest))
        let statistics = try await session.provision(
            modelKey: modelKey, ownerKey: owner, clients: clients, terms: terms)
        if json {
            struct Audit: Encodable { let results, audited, mismatches, withoutHost: UInt64 }
            struct Answer: Encodable {
                let state = "ready"
                let tee: String
                let clients: Int
                let sequence: UInt64
                let leaseSeconds: UInt32
                let epoch: String
                let audit: Audit?
                enum CodingKeys: CodingKey { case state, tee, clients, sequence, leaseSeconds, epoch, audit }
            }
            try printJSON(
                Answer(
                    tee: session.peer.verdict.tee.rawValue, clients: clients.count, sequence: terms.sequence,
                    leaseSeconds: terms.leaseSeconds, epoch: session.peer.epoch.hexadecimal,
                    audit: statistics.map {
                        Audit(
                            results: $0.results, audited: $0.audited, mismatches: $0.mismatches,
                            withoutHost: $0.withoutHost)
                    }))
        } else {
            print(
                "provisioned: \(session.peer.verdict.summary); it answers \(clients.count) client(s) for \(lease.text)")
            // A host can run several enclaves: another epoch at a renewal means that the one before goes on until its lease
            // ends, with the clients that it had.
            print("  run of the enclave: \(session.peer.epoch.hexadecimal)")
            for line in statistics?.lines ?? [] { print(line) }
        }
    }
}

/// `FILE[,requests=N][,per-minute=N]`.
private struct ClientArgument {
    let file: String
    private var requests: UInt64?
    private var requestsPerMinute: UInt32?

    init(_ text: String) throws {
        var rest = text[...]
        // From the end, so that a file's name may hold commas.
        while let comma = rest.lastIndex(of: ",") {
            let option = rest[rest.index(after: comma)...].split(separator: "=", maxSplits: 1)
            guard let name = option.first, ["requests", "per-minute"].contains(name) else { break }
            guard let number = option.dropFirst().first.flatMap({ UInt64($0) }), number > 0 else {
                throw ValidationError("--client-token \(text): \(name) takes 1 or more")
            }
            if name == "requests" {
                requests = number
            } else {
                requestsPerMinute = UInt32(clamping: number)
            }
            rest = rest[..<comma]
        }
        file = String(rest)
    }

    func grant(requests common: UInt64, requestsPerMinute commonPerMinute: UInt32) throws -> ClientGrant {
        ClientGrant(
            token: try AccessToken(contentsOf: file).digest, requests: requests ?? common,
            requestsPerMinute: requestsPerMinute ?? commonPerMinute)
    }
}

/// A time as `7d`, `12h`, `90m` or `30s`.
struct LeaseTime: ExpressibleByArgument {
    let seconds: UInt32

    private static let units: [(suffix: Character, seconds: UInt32, name: String)] = [
        ("d", 86_400, "day"), ("h", 3600, "hour"), ("m", 60, "minute"), ("s", 1, "second"),
    ]

    init(seconds: UInt32) { self.seconds = seconds }

    init?(argument: String) {
        guard let unit = Self.units.first(where: { $0.suffix == argument.last }),
            let count = UInt32(argument.dropLast()), count > 0
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit.seconds)
        guard !overflow, product <= ServiceTerms.maximumLeaseSeconds else { return nil }
        seconds = product
    }

    var defaultValueDescription: String {
        let unit = Self.units.first { seconds.isMultiple(of: $0.seconds) } ?? ("s", 1, "second")
        return "\(seconds / unit.seconds)\(unit.suffix)"
    }

    /// In words.
    var text: String {
        let unit = Self.units.first { seconds.isMultiple(of: $0.seconds) } ?? ("s", 1, "second")
        let count = seconds / unit.seconds
        return "\(count) \(unit.name)\(count == 1 ? "" : "s")"
    }
}
