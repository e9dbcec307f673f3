// SPDX-License-Identifier: Apache-2.0
/// Whether a caller accepts evidence of the development TEE, which the machine's owner can forge. The policy has to
/// name it as well.
public enum DevelopmentTEE: Sendable, Hashable {
    case refuse
    /// For trials on machines that the caller owns. Every verdict says so.
    case dangerouslyAccept

    /// The warning for everyone who uses it, always in these words.
    package static let warning =
        "the development TEE protects nothing: whoever owns the server's machine can read everything and forge its evidence"
}
