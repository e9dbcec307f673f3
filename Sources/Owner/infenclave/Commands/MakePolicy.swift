import ArgumentParser
import Attestation
import Evidence
import Foundation
import Partitioning
import SealedChannel

struct MakePolicy: Command {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Write a policy that pins the owner's key, the bundle's manifest and the enclave's measurement.")

    @Argument(help: "The bundle, NAME.infenclave.") var bundle: String
    @Option(help: "The TEE that the service will run in: development.") var tee: String
    @Option(help: "The policy to write.") var out: String
    @Option(help: "The enclave's executable.") var enclave: String?
    @Option(help: "The file of the development TEE's signing key.") var developmentKey: String?

    func validate() throws {
        guard TEEKind(rawValue: tee) != nil else {
            throw ValidationError("--tee takes \(TEEKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }

    func execute() async throws {
        guard tee == TEEKind.development.rawValue else {
            throw CommandFailure(
                "policy", "the measurements of a \(tee) enclave depend on how it is packed and cannot be computed here",
                remedy: "write it by hand with what `infenclave measure` prints; see Documentation/deploying.md")
        }
        let opened = try OpenedBundle(opening: bundle)
        let executable = try EnclaveExecutable(enclave)
        let keyFile = try developmentKey ?? DevelopmentKeyFile.defaultPath()
        let policy = PinnedPolicy(
            ownerPublicKey: opened.ownerPublicKey.description, manifestDigest: opened.manifestDigest.description,
            measurements: ["development": [try executable.measurement()]],
            developmentKey: try executable.developmentKey(keyFile))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try OutputFile.write(try encoder.encode(policy) + [0x0A], to: out)
        print("wrote \(out): it accepts only this bundle in this build of the enclave")
        print("the bundle's owner has the key \(opened.ownerPublicKey): compare it with what the owner told you")
        printError("warning: a policy for the development TEE is for trials on machines that you own")
    }

    /// The policy's JSON; `Policy` reads it.
    private struct PinnedPolicy: Encodable {
        let version = 1
        let tee = ["development"]
        let ownerPublicKey, manifestDigest: String
        let measurements: [String: [String]]
        let developmentKey: String

        enum CodingKeys: CodingKey { case version, tee, ownerPublicKey, manifestDigest, measurements, developmentKey }
    }
}
