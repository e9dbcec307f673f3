// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import InfenclaveClient
import SealedChannel
import Tensors

struct Load: Command {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Load a server over many connections, and report throughput and latency.",
        discussion: """
            Without --rate each connection sends its next request when it has the answer to the previous one (a \
            closed loop). With --rate requests are due at random times, with this average per second, whatever the \
            server does (an open loop); latency counts from the time when a request was due, and for a refusal from \
            when it was sent. Each request is encrypted separately. The client's own computation takes processor time, too, and is reported separately \
            (clientProcessorSeconds). The owner must provision with sufficient --requests and --per-minute.
            """)

    @Option(help: ArgumentHelp("The server, http://HOST:PORT.", valueName: "url")) var server: String
    @Option(help: ArgumentHelp("The policy that its enclave must satisfy, a JSON file.", valueName: "file")) var policy:
        String?
    @Option(help: ArgumentHelp("The TEE to accept: development, or nothing for hardware.", valueName: "kind")) var tee:
        String?
    @Option(help: ArgumentHelp("A client's access token.", valueName: "file")) var token: String?
    @Option(
        help: ArgumentHelp(
            "Post this many unencrypted bytes to --server, whose URL then has a path; not to an enclave.",
            discussion: "For comparison with other servers.", valueName: "n"))
    var plainBytes: Int?
    @Option(help: ArgumentHelp("A header field of plain requests, NAME: VALUE; repeatable.", valueName: "field"))
    var plainHeader: [String] = []
    @Option(help: ArgumentHelp("Connections, each with one request at a time.", valueName: "n")) var connections = 8
    @Option(help: ArgumentHelp("Requests per second (open loop); without it, a closed loop.", valueName: "n")) var rate:
        Double?
    @Option(help: ArgumentHelp("Duration of the measurement in seconds.", valueName: "seconds")) var seconds = 10.0
    @Option(help: ArgumentHelp("Warm-up in seconds.", valueName: "seconds")) var warmUp = 2.0
    @Option(
        help: ArgumentHelp(
            "Encrypt this many requests in advance, so that encryption takes no processor time meanwhile.",
            valueName: "n"))
    var sealBefore = 0
    @Option(help: ArgumentHelp("The seed of the random times of --rate.", valueName: "n")) var seed: UInt64 = 1
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (plainBytes == nil) == (policy != nil && token != nil) else {
            throw ValidationError("give --policy and --token, or --plain-bytes")
        }
        guard plainHeader.allSatisfy({ $0.wholeMatch(of: /[A-Za-z0-9-]+: [ -~]*/) != nil }) else {
            throw ValidationError("--plain-header takes NAME: VALUE in printable ASCII")
        }
        guard plainHeader.isEmpty || plainBytes != nil else {
            throw ValidationError("--plain-header goes with --plain-bytes")
        }
        guard (1...4096).contains(connections) else { throw ValidationError("--connections takes 1 to 4096") }
        guard (0.001...1_000_000).contains(rate ?? 1) else { throw ValidationError("--rate takes 0.001 to 1000000") }
        guard (0.1...86_400).contains(seconds), (0...3600).contains(warmUp) else {
            throw ValidationError("--seconds takes 0.1 to 86400, --warm-up 0 to 3600")
        }
        guard (0...1_000_000).contains(sealBefore), (0...(16 << 20)).contains(plainBytes ?? 0) else {
            throw ValidationError("--seal-before takes 0 to 1000000, --plain-bytes 0 to 16 MiB")
        }
        if let tee, tee != "development" { throw ValidationError("--tee takes only 'development'") }
    }

    func execute() async throws {
        let address = try LoadAddress(server)
        let source: any LoadSource =
            if let plainBytes {
                PlainLoad(
                    bytes: plainBytes, path: address.path.isEmpty ? "/" : address.path, headers: plainHeader)
            } else {
                try await sealedLoad(address)
            }
        try source.prepare(sealBefore)
        let schedule = LoadSchedule(
            rate: rate, warmUp: .seconds(warmUp), measured: .seconds(seconds), seed: seed)
        let report = await LoadRun(source: source, schedule: schedule, address: address, connections: connections).run()
        if json { try printJSON(report) } else { printLines(report.text) }
    }

    private func sealedLoad(_ address: LoadAddress) async throws -> SealedLoad {
        var arguments = try ServerArguments.parse(["--server", server, "--policy", policy ?? ""])
        arguments.tee = tee
        let accessToken = try AccessToken(contentsOf: token ?? "")
        let client = try arguments.client(token: accessToken)
        let session = try await client.attest()
        try session.requireService()
        return try SealedLoad(client: client, session: session, token: accessToken, path: address.path + "/ohttp")
    }
}
