// SPDX-License-Identifier: Apache-2.0
/// Why the enclave refused. About a failure, only one of these fixed-size codes leaves the enclave: text would be an
/// output channel. The set is open, since a peer may send a number that this build does not know.
package struct EnclaveErrorCode: RawRepresentable, Sendable, Hashable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    // The peer's bytes.

    /// A message violates its format.
    package static let malformed = Self(rawValue: 1)
    /// The message is not allowed in the enclave's present state.
    package static let unexpected = Self(rawValue: 2)
    /// The peer uses another version of the protocol.
    package static let unsupportedVersion = Self(rawValue: 3)

    // The bundle.

    /// The manifest core is malformed, or its signature does not verify with the owner's key in it.
    package static let manifestUnauthorized = Self(rawValue: 16)
    /// A part differs in size or digest from the manifest core, or its chunks are out of order.
    package static let partRefused = Self(rawValue: 17)

    // Provisioning.

    /// No bundle is loaded, so there is nothing to attest or to provision.
    package static let bundleMissing = Self(rawValue: 32)
    /// The owner has not provisioned this enclave process.
    package static let notProvisioned = Self(rawValue: 33)
    /// The provisioning message was not made by the owner, or not for this enclave.
    package static let ownerUnauthorized = Self(rawValue: 34)
    /// The provisioning message is for another run of the enclave: attest again.
    package static let wrongEpoch = Self(rawValue: 35)
    /// The provisioning message is for another bundle.
    package static let wrongManifest = Self(rawValue: 36)
    /// The FrontNet cannot be decrypted with the owner's model key, or does not hold a usable graph.
    package static let frontNetRefused = Self(rawValue: 38)
    /// The mapping unit cannot be decrypted with the owner's model key, or does not fit the FrontNet.
    package static let mappingUnitRefused = Self(rawValue: 39)
    /// A provisioning message with the same or a higher sequence number was accepted before.
    package static let staleSequence = Self(rawValue: 40)
    /// The parts do not do what the manifest core says.
    package static let factsMismatch = Self(rawValue: 41)

    // Requests.

    /// The request is encrypted to a key that this enclave does not hold (any more): attest again.
    package static let unknownKey = Self(rawValue: 48)
    /// The request does not decrypt.
    package static let undecipherable = Self(rawValue: 49)
    /// The request was seen before.
    package static let replayed = Self(rawValue: 50)
    /// The limit of requests in flight is reached.
    package static let overloaded = Self(rawValue: 51)
    /// The request identifier is in use.
    package static let duplicateRequest = Self(rawValue: 52)
    /// No request with this identifier is in flight.
    package static let unknownRequest = Self(rawValue: 53)
    /// The host cancelled the request.
    package static let cancelled = Self(rawValue: 54)

    // Faults.

    /// The platform cannot make evidence at present.
    package static let evidenceUnavailable = Self(rawValue: 64)
    /// An internal error of the enclave.
    package static let internalFault = Self(rawValue: 65)

    private static let names: [Self: String] = [
        .malformed: "malformed", .unexpected: "unexpected", .unsupportedVersion: "unsupportedVersion",
        .manifestUnauthorized: "manifestUnauthorized", .partRefused: "partRefused", .bundleMissing: "bundleMissing",
        .notProvisioned: "notProvisioned", .ownerUnauthorized: "ownerUnauthorized", .wrongEpoch: "wrongEpoch",
        .wrongManifest: "wrongManifest", .staleSequence: "staleSequence", .factsMismatch: "factsMismatch",
        .frontNetRefused: "frontNetRefused", .mappingUnitRefused: "mappingUnitRefused", .unknownKey: "unknownKey",
        .undecipherable: "undecipherable", .replayed: "replayed", .overloaded: "overloaded",
        .duplicateRequest: "duplicateRequest", .unknownRequest: "unknownRequest", .cancelled: "cancelled",
        .evidenceUnavailable: "evidenceUnavailable", .internalFault: "internalFault",
    ]

    /// Every code that this build knows.
    package static var known: [Self] { names.keys.sorted { $0.rawValue < $1.rawValue } }

    /// A stable name for programs and logs.
    package var name: String { Self.names[self] ?? "code\(rawValue)" }
}
