// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evidence
import SealedChannel
import SecretMemory

struct Keygen: Command {
    enum Kind: String, ExpressibleByArgument, CaseIterable { case owner, token, image }

    static let configuration = CommandConfiguration(
        abstract: "Generate the owner's signing key, a client's access token, or a key that signs enclave images.")

    @Argument(help: "owner, token or image") var kind: Kind
    @Option(help: ArgumentHelp("The file to write, with mode 0600.", valueName: "file")) var out: String
    @Flag(help: "Print JSON.") var json = false

    /// What may be printed about the secret.
    private struct Answer: Encodable {
        let kind, file: String
        var publicKey: String?
        var digest: String?
    }

    func execute() async throws {
        try ProcessHardening.forbidDumps()
        switch kind {
        case .owner:
            let key = OwnerSigningKey.random()
            try key.write(to: out)
            guard !json else {
                return try printJSON(Answer(kind: kind.rawValue, file: out, publicKey: key.publicKey.description))
            }
            print("wrote the owner's signing key to \(out); its public key is \(key.publicKey)")
        case .image:
            let key = ImageSigningKey.random()
            try key.write(to: out)
            let publicKey = key.publicKey.hex
            guard !json else { return try printJSON(Answer(kind: kind.rawValue, file: out, publicKey: publicKey)) }
            print("wrote the key that signs images to \(out); its public key is \(publicKey)")
        case .token:
            let token = AccessToken.random()
            try token.write(to: out)
            let digest = token.digest.bytes.hex
            guard !json else { return try printJSON(Answer(kind: kind.rawValue, file: out, digest: digest)) }
            print("wrote an access token to \(out); its digest is \(digest)")
        }
    }
}
