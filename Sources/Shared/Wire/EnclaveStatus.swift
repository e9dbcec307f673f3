// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What the enclave tells anyone about itself. Nothing in it depends on an input or a result.
package struct EnclaveStatus: Sendable, Hashable {
    package enum State: UInt8, Sendable, CaseIterable {
        /// The manifest or a sealed part is missing.
        case awaitingBundle = 1
        /// It can be attested, and waits for the owner's provisioning message.
        case awaitingOwner = 2
        /// It answers clients.
        case provisioned = 3
        /// The owner's lease has ended: the model was wiped, and every request gets an encrypted refusal.
        case leaseEnded = 4
    }

    package let state: State
    /// Counts the key pairs generated since the start. Clients of an earlier generation must attest again.
    package let keyGeneration: UInt32
    /// Requests that were accepted and not answered: in computation, or waiting for the BackNet.
    package let inFlight: UInt32
    /// Inferences that it accepts now.
    package let credits: UInt32
    /// Requests that could be decrypted.
    package let opened: UInt64
    /// Encrypted answers, including refusals.
    package let answered: UInt64
    /// Refusals by an unencrypted code.
    package let refused: UInt64
    /// BackNet results that did not fit the mapping unit.
    package let rejectedResults: UInt64

    static let byteCount = 1 + 4 + 4 + 4 + 8 + 8 + 8 + 8

    package init(
        state: State, keyGeneration: UInt32, inFlight: UInt32, credits: UInt32, opened: UInt64, answered: UInt64,
        refused: UInt64, rejectedResults: UInt64
    ) {
        self.state = state
        self.keyGeneration = keyGeneration
        self.inFlight = inFlight
        self.credits = credits
        self.opened = opened
        self.answered = answered
        self.refused = refused
        self.rejectedResults = rejectedResults
    }

    init(from reader: inout ByteReader) throws(TensorError) {
        let code: UInt8 = try reader.read("state")
        guard let state = State(rawValue: code) else { throw TensorError(.malformed, "state \(code) is unknown") }
        self.init(
            state: state, keyGeneration: try reader.read("generation"), inFlight: try reader.read("in flight"),
            credits: try reader.read("credits"), opened: try reader.read("opened"),
            answered: try reader.read("answered"),
            refused: try reader.read("refused"), rejectedResults: try reader.read("rejected results"))
    }

    func encode(into builder: inout PayloadBuilder) {
        builder.write(state.rawValue)
        builder.write(keyGeneration)
        builder.write(inFlight)
        builder.write(credits)
        builder.write(opened)
        builder.write(answered)
        builder.write(refused)
        builder.write(rejectedResults)
    }
}
