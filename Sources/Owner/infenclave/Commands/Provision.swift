// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attestation
import Evidence
import Foundation
import InfenclaveClient
import SealedChannel
import SecretMemory

struct Provision: Command {
    static let configuration = CommandConfiguration(
        abstract:
            "Verify the enclaves, then give them the model key and the client allow-list, for a lease.",
        discussion: """
            All replicas of the server are provisioned, one after the other; each has the clients' quotas for itself. \
            Provisioning again replaces clients, quotas and lease. When the lease ends, an enclave wipes the model and \
            refuses every request until it is provisioned again.
            """)

    @OptionGroup var target: ServerArguments
    @Option(help: ArgumentHelp("The model key, as `partition` wrote it.", valueName: "file")) var key: String
    @Option(help: ArgumentHelp("The owner's signing key.", valueName: "file")) var ownerKey: String
    @Option(
        help: ArgumentHelp(
            "A client's access token; repeatable.",
            discussion: "FILE,requests=N,per-minute=N gives one client quotas of its own.", valueName: "file"))
    var clientToken: [String] = []
    @Option(help: ArgumentHelp("Each client's request quota in the lease.", valueName: "n")) var requests = ClientGrant
        .defaultRequests
    @Option(help: ArgumentHelp("Each client's request quota per minute.", valueName: "n")) var perMinute = ClientGrant
        .defaultRequestsPerMinute
    @Option(help: ArgumentHelp("How long the enclave may serve: a number with s, m, h or d.", valueName: "time"))
    var lease = LeaseTime(seconds: ServiceTerms.defaultLeaseSeconds)
    @Option(
        help: ArgumentHelp("Maximum requests that the enclave computes, or that wait for the BackNet.", valueName: "n"))
    var inFlight: UInt32 = 64
    @Option(
        help: ArgumentHelp(
            "Orders provisioning messages: a lower number than before is refused.",
            discussion: "Default: the present time in milliseconds.", valueName: "n"))
    var sequence: UInt64?
    @OptionGroup var audit: AuditArguments
    @Flag(help: "Provision the bundle that the server has staged; it is served from then on.") var staged =
        false
    @Option(
        help: ArgumentHelp(
            "Number of replicas of this model that the operator runs; each gets the key, and counts quotas for itself.",
            discussion: "A server that reports more gets no key, because its report is not verified.", valueName: "n"))
    var replicas = 1
    @Option(help: ArgumentHelp("Only this replica of the server, counted from 0.", valueName: "n")) var replica: Int?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard !clientToken.isEmpty else {
            throw ValidationError("--client-token: without one, the enclave would answer nobody")
        }
        guard requests > 0, perMinute > 0, inFlight > 0, sequence != 0 else {
            throw ValidationError("--requests, --per-minute, --in-flight and --sequence take 1 or more")
        }
        guard ReplicaCount.range.contains(replicas) else {
            throw ValidationError("--replicas takes 1 to \(ReplicaCount.range.upperBound)")
        }
        if let replica, !(0..<ReplicaCount.range.upperBound).contains(replica) {
            throw ValidationError("--replica takes 0 to \(ReplicaCount.range.upperBound - 1)")
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
        let sequence = sequence ?? UInt64(max(1, Date().timeIntervalSince1970 * 1000))
        var done: [Provisioned] = []
        var failure: (replica: Int, error: any Error)?
        for number in replica.map({ $0...$0 }) ?? 0...replicas - 1 {
            do {
                let session = try await client.attest(ReplicaPlace(number, isStaged: staged))
                if done.isEmpty, failure == nil { target.warnOfDevelopment() }
                if replica == nil { try requireAgreed(staged ? session.replicas.staged : session.replicas.serving) }
                let terms = ServiceTerms(
                    sequence: sequence, leaseSeconds: lease.seconds, requestsInFlight: inFlight,
                    audit: try audit.terms(for: session.manifest))
                let statistics = try await session.provision(
                    modelKey: modelKey, ownerKey: owner, clients: clients, terms: terms)
                done.append(Provisioned(replica: number, session: session, statistics: statistics))
            } catch let error as ReplicaDisagreement {
                // Each further enclave with the key would grant all quotas once more.
                throw error.failure
            } catch { failure = failure ?? (number, error) }
        }
        if let first = done.first { try report(done, first, clients: clients, sequence: sequence) }
        guard let failure else { return }
        guard !done.isEmpty else { throw failure.error }
        let reason = CommandFailure(failure.error)
        throw CommandFailure(
            reason.code, "replica \(failure.replica) was not provisioned: \(reason.message)",
            remedy: reason.remedy.isEmpty ? "provision again" : reason.remedy)
    }

    /// The server reports more replicas than the owner stated.
    private struct ReplicaDisagreement: Error { let failure: CommandFailure }

    private func requireAgreed(_ count: Int) throws(ReplicaDisagreement) {
        guard count > replicas else { return }
        throw ReplicaDisagreement(
            failure: CommandFailure(
                "replicas", "the server reports \(count) replicas of this model, expected \(replicas)",
                remedy:
                    "if the operator runs so many, give --replicas \(count): each is attested, gets the key and counts "
                    + "quotas for itself; --replica K provisions one"))
    }

    /// An enclave that accepted the message.
    private struct Provisioned {
        let replica: Int
        let session: EnclaveSession
        let statistics: AuditStatistics?
    }

    private func report(
        _ all: [Provisioned], _ first: Provisioned, clients: [ClientGrant], sequence: UInt64
    ) throws {
        if json {
            return try printJSON(
                Answer(all, first, clients: clients.count, sequence: sequence, lease: lease.seconds))
        }
        for one in all {
            let number = all.count > 1 ? "replica \(one.replica) " : ""
            print(
                "\(number)provisioned: \(one.session.peer.verdict.summary); it answers \(clients.count) client(s) for \(lease.text)"
            )
            // A different epoch at a renewal means that the previous run has ended, or continues elsewhere until its
            // lease ends.
            print("  run of the enclave: \(one.session.peer.epoch.hex)")
            for line in one.statistics?.lines ?? [] { print(line) }
        }
        if let line = Self.quotaLine(clients, leaseSeconds: lease.seconds) { print(line) }
    }

    /// A note for the owner: the operator cannot see that a client is refused for its quota, because its answers look
    /// like all others.
    ///
    /// - Returns: `nil` if every quota lasts as long as the lease.
    private static func quotaLine(_ clients: [ClientGrant], leaseSeconds: UInt32) -> String? {
        func minutes(_ client: ClientGrant) -> UInt64 {
            let rest = client.requests - min(client.requests, UInt64(client.requestsPerMinute))
            return rest / UInt64(client.requestsPerMinute) + 1
        }
        guard let first = clients.min(by: { minutes($0) < minutes($1) }), minutes(first) < leaseSeconds / 60 else {
            return nil
        }
        return
            "  quota: a client that sends \(first.requestsPerMinute) requests a minute has used up its \(first.requests) after \(minutes(first)) min; it is refused from then on, until you provision again"
    }

    private struct Answer: Encodable {
        struct Audit: Encodable {
            let results, audited, mismatches, withoutHost: UInt64

            init(_ statistics: AuditStatistics) {
                (results, audited) = (statistics.results, statistics.audited)
                (mismatches, withoutHost) = (statistics.mismatches, statistics.withoutHost)
            }
        }
        struct Replica: Encodable {
            let replica: Int
            let epoch: String
            let audit: Audit?
            enum CodingKeys: CodingKey { case replica, epoch, audit }
        }

        let state = "ready"
        let tee: String
        let clients: Int
        let sequence: UInt64
        let leaseSeconds: UInt32
        /// The epoch of the first replica.
        let epoch: String
        let audit: Audit?
        let replicas: [Replica]
        enum CodingKeys: CodingKey { case state, tee, clients, sequence, leaseSeconds, epoch, audit, replicas }

        init(_ all: [Provisioned], _ first: Provisioned, clients: Int, sequence: UInt64, lease: UInt32) {
            (tee, epoch) = (first.session.peer.verdict.tee.rawValue, first.session.peer.epoch.hex)
            (self.clients, self.sequence, leaseSeconds) = (clients, sequence, lease)
            audit = first.statistics.map(Audit.init)
            replicas = all.map {
                Replica(
                    replica: $0.replica, epoch: $0.session.peer.epoch.hex, audit: $0.statistics.map(Audit.init))
            }
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
        // Parsed from the end, so that a file name may contain commas.
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

/// A duration as `7d`, `12h`, `90m` or `30s`.
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
