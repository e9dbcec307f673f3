// SPDX-License-Identifier: Apache-2.0
import Attestation
import InfenclaveClient
import ProxyCommand
import SealedChannel

/// For commands that import no verifier.
let developmentWarning = DevelopmentTEE.warning

extension ServerArguments {
    /// Prints the warning about an accepted development TEE. Errors before acceptance are printed without it.
    func warnOfDevelopment() {
        guard tee == "development" else { return }
        printError("warning: \(DevelopmentTEE.warning)")
    }

    /// A client for the server under the policy. It shares the collateral history between commands.
    func client(token: AccessToken? = nil, options: ClientOptions = ClientOptions()) throws -> InfenclaveClient {
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
        return try InfenclaveClient(
            server: server, policy: policy, token: token,
            development: tee == "development" ? .dangerouslyAccept : .refuse, collateral: try collateral.sources(),
            history: try collateral.history(), options: options)
    }
}
