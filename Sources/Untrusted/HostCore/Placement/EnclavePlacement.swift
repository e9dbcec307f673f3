// SPDX-License-Identifier: Apache-2.0
package import Evidence
package import FrameStream

/// Where the host finds its enclave.
package struct EnclavePlacement: Sendable {
    package enum Place: Sendable {
        /// A process of this machine.
        case process(executable: String, arguments: [String])
        /// A program that starts a machine and joins the machine's stream to its descriptor 3; run by `/bin/sh`.
        case command(String)
        /// Machines that somebody else starts, and that dial this address.
        case listening(StreamListener.Address)
    }

    package let place: Place
    /// Requests that it computes at a time, as its arguments say.
    package let workers: Int
    /// What it has to say that it runs in; anything without it.
    package let tee: TEEKind?
    /// Adds to an enclave's evidence what its machine gets from a service of its network; `nil` where nothing is missing.
    package let completion: EvidenceCompletion?

    package typealias EvidenceCompletion = @Sendable ([UInt8]) async throws -> [UInt8]

    package init(_ place: Place, workers: Int = 1, tee: TEEKind? = nil, completion: EvidenceCompletion? = nil) {
        self.place = place
        self.workers = workers
        self.tee = tee
        self.completion = completion
    }

    /// - Throws: ``HostError`` when the address cannot be listened at.
    func makeSource() throws(HostError) -> any EnclaveSource {
        switch place {
        case .process(let executable, let arguments): return ProcessSource(executable: executable, arguments: arguments)
        case .command(let command): return CommandSource(command)
        case .listening(let address): return try ListenerSource(address)
        }
    }
}

/// Starts the enclave's executable each time.
private struct ProcessSource: EnclaveSource {
    let executable: String
    let arguments: [String]

    var awaited: String? { nil }

    func next(_ onOutput: @escaping @Sendable (String) -> Void) async throws(HostError) -> any RunningEnclave {
        try EnclaveProcess(executable: executable, arguments: arguments, onOutput: onOutput)
    }

    func close() {}
}
