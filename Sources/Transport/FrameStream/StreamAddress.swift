// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Wire

/// The address at which an enclave reaches its host. The enclave connects: a host that connected too early would reach
/// no enclave, or an earlier one.
package enum StreamAddress: Sendable, Hashable {
    /// A connected socket that the process inherited from the host. There is no device between the two, so no epochs
    /// are needed.
    case descriptor(Int32)
    case vsock(VsockAddress)
    /// A virtio port of this name.
    case serial(name: String)
    /// Standard input and output.
    case standardStreams

    /// Reads `fd:3`, `vsock:CID:PORT`, `serial:NAME` or `stdio`; `nil` for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        switch (parts.first, parts.count) {
        case ("stdio", 1): self = .standardStreams
        case ("fd", 2):
            guard let number = Int32(parts[1]), (3...1024).contains(number) else { return nil }
            self = .descriptor(number)
        case ("vsock", 3):
            guard let contextID = UInt32(parts[1]), let port = UInt32(parts[2]) else { return nil }
            self = .vsock(VsockAddress(contextID: contextID, port: port))
        case ("serial", 2):
            guard (1...64).contains(parts[1].utf8.count), !parts[1].contains("/") else { return nil }
            self = .serial(name: parts[1])
        default: return nil
        }
    }

    /// The enclave's end of a connection with the host. It retries while the device does not exist, or the host does
    /// not listen yet.
    ///
    /// - Parameter time: How long to try.
    /// - Throws: ``WireError`` with the reason of the last failure.
    package func dial(within time: Duration = .seconds(120)) throws(WireError) -> EnclaveStream {
        switch self {
        case .descriptor(let number): return EnclaveStream(descriptor: number)
        case .standardStreams:
            let stream = DescriptorStream(input: 0, output: 1, largestWrite: DescriptorStream.deviceWriteBytes)
            return EnclaveStream(try EpochStream.open(over: stream, outlivesHost: false))
        case .vsock(let address):
            let socket = try Self.retrying(time) { () throws(WireError) in try address.connect() }
            return EnclaveStream(try EpochStream.open(over: Self.device(socket), outlivesHost: false))
        case .serial(let name):
            let port = try Self.retrying(time) { () throws(WireError) in try VirtioPort.open(named: name) }
            return EnclaveStream(try EpochStream.open(over: Self.device(port), outlivesHost: true))
        }
    }

    private static func device(_ descriptor: Int32) -> DescriptorStream {
        DescriptorStream(socket: descriptor, largestWrite: DescriptorStream.deviceWriteBytes)
    }

    private static func retrying(
        _ time: Duration, _ attempt: () throws(WireError) -> Int32
    ) throws(WireError) -> Int32 {
        let deadline = ContinuousClock.now + time
        while true {
            do throws(WireError) { return try attempt() } catch {
                guard ContinuousClock.now < deadline else { throw error }
                usleep(200_000)
            }
        }
    }
}
