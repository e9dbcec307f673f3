import ArgumentParser
import SealedChannel
import SecretMemory

struct Keygen: Command {
    enum Kind: String, ExpressibleByArgument, CaseIterable { case owner, token }

    static let configuration = CommandConfiguration(
        abstract: "Make the owner's signing key, or a client's access token.")

    @Argument(help: "owner or token") var kind: Kind
    @Option(help: "The file to write, with mode 0600.") var out: String

    func execute() async throws {
        try ProcessHardening.forbidDumps()
        switch kind {
        case .owner:
            let key = OwnerSigningKey.random()
            try key.write(to: out)
            print("wrote the owner's signing key to \(out); its public key is \(key.publicKey)")
        case .token:
            let token = AccessToken.random()
            try token.write(to: out)
            print("wrote an access token to \(out); its digest is \(token.digest.bytes.hexadecimal)")
        }
    }
}
