// SPDX-License-Identifier: Apache-2.0
/// An error of the `SealedChannel` module. Neither messages nor codes contain keys, tokens, plaintext or class names.
/// Only the code may leave an enclave.
public struct SealedChannelError: Error, Sendable, CustomStringConvertible {
    /// Who has to act.
    public enum Blame: Sendable, Hashable {
        /// The bytes were damaged, forged, or made by a faulty program.
        case peerMisbehaved
        /// The other side works correctly, but uses another version, suite or tensor type.
        case peerIncompatible
        /// A key, file or setting on this side is wrong.
        case configurationInvalid
        /// A defect here.
        case internalFault
    }

    /// A stable, open set of error codes.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name, such as `undecryptable`.
        public let description: String
        /// Who has to act.
        public let blame: Blame
        private init(_ description: String, _ blame: Blame) {
            self.description = description
            self.blame = blame
        }

        // The peer misbehaved.

        /// Bytes that violate their format.
        public static let malformed = Code("malformed", .peerMisbehaved)
        /// A message or part that cannot be decrypted: it was altered, is for another key, or was sealed by another
        /// peer.
        public static let undecryptable = Code("undecryptable", .peerMisbehaved)
        /// A message over the size limit.
        public static let tooLarge = Code("tooLarge", .peerMisbehaved)
        /// A signature that is not the owner's over these bytes.
        public static let wrongSignature = Code("wrongSignature", .peerMisbehaved)
        /// A provisioning message for another run of the enclave.
        public static let wrongEpoch = Code("wrongEpoch", .peerMisbehaved)
        /// A provisioning message for another bundle.
        public static let wrongManifest = Code("wrongManifest", .peerMisbehaved)
        /// A provisioning message for other keys of the enclave.
        public static let wrongKeyConfiguration = Code("wrongKeyConfiguration", .peerMisbehaved)
        /// A sealed part whose structure is broken: cut short, or lengths that contradict each other.
        public static let damagedPart = Code("damagedPart", .peerMisbehaved)
        /// A sealed part with the name of another part.
        public static let wrongPart = Code("wrongPart", .peerMisbehaved)

        // The peer is incompatible.

        /// A format version that this program does not know.
        public static let unsupportedVersion = Code("unsupportedVersion", .peerIncompatible)
        /// A key identifier, KEM, KDF or AEAD that is not offered here.
        public static let unsupportedSuite = Code("unsupportedSuite", .peerIncompatible)
        /// A tensor of a type or shape that the model does not take.
        public static let wrongTensorType = Code("wrongTensorType", .peerIncompatible)

        // The configuration is invalid.

        /// A key or token file that is missing, not private, or not of its format.
        public static let invalidKeyFile = Code("invalidKeyFile", .configurationInvalid)
        /// A value that a caller gave for a message is out of range.
        public static let invalidValue = Code("invalidValue", .configurationInvalid)

        // A defect here.

        /// An unexpected failure of the cryptographic library.
        public static let cryptography = Code("cryptography", .internalFault)
    }

    /// The kind of error.
    public let code: Code
    /// The found and the expected value, in one line.
    public let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
