// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Wire

/// Where an enclave finds its host. The enclave dials: a host that dialled early would reach no enclave or an earlier
/// one.
package enum StreamAddress: Sendable, Hashable {
    /// A connected socket that the host left in the process that it started. Nothing is between the two, so there is no epoch.
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

    /// The enclave's end of a connection with the host. A device that is not there yet, and a host that does not listen yet,
    /// are tried again.
    ///
    /// - Parameter time: How long to try.
    /// - Throws: ``WireError`` that says why the last attempt failed.
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
