// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

struct Keyhold: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Provision enclaves automatically, on the owner's own machine.",
        discussion: """
            It opens no port. It watches servers. When an enclave needs the model key, or its lease runs out, it \
            verifies the evidence against the owner's signed policy and provisions. Every release and refusal is in \
            a log that `keyhold verify` checks.
            """,
        subcommands: [KeyholdRun.self, KeyholdSign.self, KeyholdVerify.self], defaultSubcommand: KeyholdRun.self)
}
