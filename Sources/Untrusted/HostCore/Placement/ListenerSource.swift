// SPDX-License-Identifier: Apache-2.0
import FrameStream
import Synchronization
import Wire

/// Accepts connections of enclaves, one at a time; another one waits until the previous connection is closed.
final class ListenerSource: EnclaveSource {
    /// How long a new connection may be silent, so that a port scan does not block an enclave for long. A machine whose
    /// port is open while it boots has this time to start.
    private static let patience = Duration.seconds(300)

    private let listener: StreamListener
    private let thread = SerialThread(name: "enclave-listener")
    private let connection = Mutex<EpochConnection?>(nil)

    /// - Throws: ``HostError`` if the address is not available.
    init(_ address: StreamListener.Address) throws(HostError) {
        do throws(WireError) { listener = try StreamListener(address) } catch {
            throw HostError(.enclaveUnavailable, "--enclave-at \(address): \(error.message)")
        }
    }

    var awaited: String? { "no enclave has dialled \(listener.address) yet" }

    func next(_ onOutput: @escaping @Sendable (String) -> Void) async throws(HostError) -> any RunningEnclave {
        let result = await withCheckedContinuation { continuation in
            thread.enqueue { [self] in
                continuation.resume(returning: Result { () throws(HostError) in try join() })
            }
        }
        return try result.get()
    }

    private func join() throws(HostError) -> DialledEnclave {
        // The next run may use the connection of the previous run, unless it was closed.
        if let present = connection.withLock({ $0 }), let epoch = try? present.nextEpoch(within: Self.patience) {
            return DialledEnclave(epoch, machine: nil)
        }
        replace(with: nil)
        do throws(WireError) {
            while let stream = try listener.accept() {
                guard let dialled = try? EpochConnection(stream) else { continue }
                replace(with: dialled)
                if let epoch = try? dialled.nextEpoch(within: Self.patience) {
                    return DialledEnclave(epoch, machine: nil)
                }
                replace(with: nil)
            }
        } catch { throw HostError(.enclaveUnavailable, error.message) }
        throw HostError(.enclaveUnavailable, "the server was told to stop")
    }

    private func replace(with other: EpochConnection?) {
        connection.withLock { connection in
            connection?.close()
            connection = other
        }
    }

    func close() {
        listener.close()
        connection.withLock { $0?.close() }
    }
}
