// SPDX-License-Identifier: Apache-2.0
package import Evidence
package import FrameStream

/// Where the enclave runs, and how the host reaches it.
package struct EnclavePlacement: Sendable {
    package enum Place: Sendable {
        /// A process of this machine.
        case process(executable: String, arguments: [String])
        /// A program, run by `/bin/sh`, that starts a virtual machine and connects its stream to descriptor 3.
        case command(String)
        /// Machines that are started by others and connect to this address.
        case listening(StreamListener.Address)
    }

    package let place: Place
    /// The number of requests that it computes in parallel, as in its arguments.
    package let workers: Int
    /// The TEE that it has to report; any TEE if this is `nil`.
    package let tee: TEEKind?
    /// Adds to an enclave's evidence the data that its machine gets from a network service; `nil` if nothing has to be
    /// added.
    package let completion: EvidenceCompletion?

    package typealias EvidenceCompletion = @Sendable ([UInt8]) async throws -> [UInt8]

    package init(_ place: Place, workers: Int = 1, tee: TEEKind? = nil, completion: EvidenceCompletion? = nil) {
        self.place = place
        self.workers = workers
        self.tee = tee
        self.completion = completion
    }

    /// - Throws: ``HostError`` if the host cannot listen on the address.
    func makeSource() throws(HostError) -> any EnclaveSource {
        switch place {
        case .process(let executable, let arguments): return ProcessSource(executable: executable, arguments: arguments)
        case .command(let command): return CommandSource(command)
        case .listening(let address): return try ListenerSource(address)
        }
    }
}

/// Starts the enclave's executable for each run.
private struct ProcessSource: EnclaveSource {
    let executable: String
    let arguments: [String]

    var awaited: String? { nil }

    func next(_ onOutput: @escaping @Sendable (String) -> Void) async throws(HostError) -> any RunningEnclave {
        try EnclaveProcess(executable: executable, arguments: arguments, onOutput: onOutput)
    }

    func close() {}
}
