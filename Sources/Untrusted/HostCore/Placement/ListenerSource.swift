// SPDX-License-Identifier: Apache-2.0
import FrameStream
import Synchronization
import Wire

/// Waits for enclaves that dial. One is taken at a time; another one's dial waits until the connection before it is closed.
final class ListenerSource: EnclaveSource {
    /// How long one that dialled may be silent, so that a port scan does not block an enclave for long. A machine that
    /// boots with its port already open has that time to come up.
    private static let patience = Duration.seconds(300)

    private let listener: StreamListener
    private let thread = SerialThread(name: "enclave-listener")
    private let connection = Mutex<EpochConnection?>(nil)

    /// - Throws: ``HostError`` when the address cannot be had.
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
        // The connection of the run before may be that of the next, unless it was closed.
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
