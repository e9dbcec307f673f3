import ArgumentParser
import Attestation
import Evidence
import InfenclaveClient
import SealedChannel
import SecretMemory

struct Provision: Command {
    static let configuration = CommandConfiguration(
        abstract: "Verify the enclave, then give it the model key and the clients that it may answer.")

    @OptionGroup var target: ServerArguments
    @Option(help: "The model key, as `partition` wrote it.") var key: String
    @Option(help: "The owner's signing key.") var ownerKey: String
    @Option(help: "A client's access token; repeat it for more.") var clientToken: [String] = []
    @Option(help: "Requests that the enclave answers in all until it is restarted.")
    var requests: UInt64 = ServiceLimits.standard.requestsInEpoch
    @Option(help: "Requests that the enclave holds at a time.")
    var inFlight: UInt32 = ServiceLimits.standard.requestsInFlight
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard !clientToken.isEmpty else {
            throw ValidationError("--client-token: without one, the enclave would answer nobody")
        }
    }

    func execute() async throws {
        try ProcessHardening.forbidDumps()
        let client = try target.client()
        let modelKey = try ModelKey(contentsOf: key)
        let owner = try OwnerSigningKey(contentsOf: ownerKey)
        let tokens = try clientToken.map { try AccessToken(contentsOf: $0).digest }
        let session = try await client.attest()
        target.warnOfDevelopment()
        try await session.provision(
            modelKey: modelKey, ownerKey: owner, tokens: tokens,
            limits: ServiceLimits(requestsInFlight: inFlight, requestsInEpoch: requests))
        if json {
            struct Answer: Encodable {
                let state = "ready"
                let tee: String
                let clients: Int
                enum CodingKeys: CodingKey { case state, tee, clients }
            }
            try printJSON(Answer(tee: session.peer.verdict.tee.rawValue, clients: tokens.count))
        } else {
            print("provisioned: \(session.peer.verdict.summary); it answers \(tokens.count) client(s)")
        }
    }
}
