// SPDX-License-Identifier: Apache-2.0
package import ArgumentParser
import InfenclaveClient
import InferenceProxy
import SealedChannel

/// The options of `infenclave proxy` and `infenclave-proxy`.
package struct ProxyArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A server, http://HOST:PORT, with /models/NAME where it has several; repeat it for more.",
            discussion: "All serve the same model. Requests are sent to available servers.", valueName: "url"))
    package var server: [String] = []
    @Option(
        help: ArgumentHelp(
            "The policy that every enclave must satisfy, a JSON file.",
            discussion: "It may be replaced while the proxy runs. Without it the proxy sends nothing.",
            valueName: "file"))
    package var policy: String
    @Option(help: ArgumentHelp("Your access token.", valueName: "file")) package var token: String
    @Option(
        help: ArgumentHelp(
            "Accept this TEE; the policy must name it too.",
            discussion: "Needed for `development` only, a process that the machine's owner can read.", valueName: "kind"
        ))
    package var tee: String?
    @OptionGroup package var collateral: CollateralArguments
    @Option(help: ArgumentHelp("The address for REST, HOST:PORT.", valueName: "address")) package var listen =
        "127.0.0.1:8000"
    @Option(help: ArgumentHelp("The address for gRPC, HOST:PORT. Default: no gRPC.", valueName: "address")) package
        var grpc: String?
    @Option(
        help: ArgumentHelp(
            "A file with a key that clients must send as `Authorization: Bearer KEY`.",
            discussion: "Required if other machines can reach the proxy.", valueName: "file"))
    package var apiKey: String?

    package init() {}

    package func validate() throws {
        guard !server.isEmpty else { throw ValidationError("--server: name at least one") }
        if let tee, tee != "development" {
            throw ValidationError("--tee takes only 'development'; hardware is accepted as the policy says")
        }
        for (option, text) in [("--listen", listen), ("--grpc", grpc)] {
            guard let text else { continue }
            guard let address = ProxyAddress(text) else {
                throw ValidationError("\(option): '\(text)' is no address to listen on; write HOST:PORT")
            }
            guard address.isLoopback || apiKey != nil else {
                throw ValidationError(
                    "\(option) \(text): other machines can reach the proxy at this address and use your token; add --api-key FILE"
                )
            }
        }
    }

    /// The options as arguments of a command line.
    package var arguments: [String] {
        server.flatMap { ["--server", $0] } + ["--policy", policy, "--token", token]
            + (tee.map { ["--tee", $0] } ?? []) + collateral.arguments + ["--listen", listen]
            + (grpc.map { ["--grpc", $0] } ?? []) + (apiKey.map { ["--api-key", $0] } ?? [])
    }
}
