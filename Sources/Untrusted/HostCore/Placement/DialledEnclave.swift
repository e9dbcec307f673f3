// SPDX-License-Identifier: Apache-2.0
import FrameStream
import Synchronization

/// A run of an enclave that connected to the host, perhaps one of several over the same physical connection.
final class DialledEnclave: RunningEnclave {
    let stream: HostStream
    private let epoch: EpochStream
    private let machine: ChildProgram?
    private let ending = Mutex<EnclaveEnding?>(nil)

    /// A machine takes longer to shut down than a process.
    private static let patience = Duration.seconds(3)

    /// - Parameter machine: The program that runs the machine, if this host started it.
    init(_ epoch: EpochStream, machine: ChildProgram?) {
        self.epoch = epoch
        self.machine = machine
        stream = HostStream(epoch)
    }

    var lastLine: String { machine?.lastLine ?? "" }

    /// Closes the connection, unless another run has begun over it, and ends the machine if this host started it.
    @discardableResult
    func end() -> EnclaveEnding {
        ending.withLock { ending in
            if let ending { return ending }
            let found: EnclaveEnding
            if epoch.isSuperseded {
                found = .restarted
            } else {
                stream.close()
                found = machine?.end(within: Self.patience) ?? .disconnected
            }
            ending = found
            return found
        }
    }
}
