// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import KeyRelease
import SealedChannel
import SecretMemory

struct KeyholdSign: Command {
    static let configuration = CommandConfiguration(
        commandName: "sign", abstract: "Sign a policy for keyholders: writes POLICY.sig.",
        discussion: "A keyholder refuses a policy that is not signed, or was signed before the one in force.")

    @Option(help: ArgumentHelp("The policy.", valueName: "file")) var policy: String
    @Option(help: ArgumentHelp("The owner's signing key.", valueName: "file")) var ownerKey: String

    func execute() async throws {
        try ProcessHardening.forbidDumps()
        let sequence = UInt64(max(1, Date().timeIntervalSince1970 * 1000))
        try SignedPolicy.sign(policy, sequence: sequence, by: try OwnerSigningKey(contentsOf: ownerKey))
        print("wrote \(policy).sig: keyholders of this owner accept the policy from now on")
    }
}
