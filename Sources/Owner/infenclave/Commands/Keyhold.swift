import ArgumentParser

struct Keyhold: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Provision enclaves for an owner who is not there, on the owner's own machine.",
        discussion: """
            It opens no port. It looks at servers, and when an enclave needs the model key, or its lease runs out, verifies \
            the evidence against the owner's signed policy and provisions. Every release and refusal is in a log that \
            `keyhold verify` checks.
            """,
        subcommands: [KeyholdRun.self, KeyholdSign.self, KeyholdVerify.self], defaultSubcommand: KeyholdRun.self)
}
