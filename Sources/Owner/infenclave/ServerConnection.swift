import Attestation
import Evidence
import Foundation
import InfenclaveClient

extension ServerArguments {
    /// Says what an accepted development TEE is worth. What fails before anything is accepted says only why.
    func warnOfDevelopment() {
        guard tee == "development" else { return }
        printError("warning: the development TEE protects nothing from whoever owns the server's machine")
    }

    /// A client for the server under the policy.
    func client() throws -> AttestingClient {
        let json = try InputFile.read(policy, maximumBytes: 1 << 20)
        let policy: Policy
        do throws(AttestationError) { policy = try Policy(json: [UInt8](json)) } catch {
            throw CommandFailure("policy", "\(self.policy): \(error.message)")
        }
        if policy.tee == [.development], tee != "development" {
            throw CommandFailure(
                "policy", "\(self.policy) is for the development TEE, which must be accepted by name",
                remedy: "add --tee development if the machine is yours and this is a trial")
        }
        let client = try InfenclaveClient(
            server: server, policy: policy, development: tee == "development" ? .dangerouslyAccept : .refuse,
            collateral: try collateral.sources())
        return AttestingClient(client: client, history: try CollateralHistory(collateral.collateralHistory))
    }
}

/// A client that remembers how new the collateral was that it verified, from one command to the next.
struct AttestingClient {
    let client: InfenclaveClient
    let history: CollateralHistory

    func attest() async throws -> EnclaveSession {
        do {
            let session = try await client.attest(seenBefore: history.seen())
            try history.remember(session.peer.verdict.claims.collateral)
            return session
        } catch let error as ClientError {
            // A revocation that was seen once stays seen: the records are of lists whose signatures were verified.
            if let verdict = error.verdict { try history.remember(verdict.claims.collateral) }
            throw error
        }
    }
}
