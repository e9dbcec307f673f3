// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
package import InfenclaveImaging
import Synchronization

/// Decodes and resizes pictures for a model on threads of its own, at most as many at a time as there are processors: a
/// large picture takes hundreds of milliseconds, the largest seconds, and hundreds of megabytes.
package final class PictureDecoder: Sendable {
    private let queues: [DispatchQueue]
    private let next = Atomic(0)

    package init() {
        queues = (0..<max(1, ProcessInfo.processInfo.activeProcessorCount)).map {
            DispatchQueue(label: "infenclave.pictures.\($0)")
        }
    }

    /// - Parameter session: The session with the enclave, whose model determines size and channels.
    /// - Throws: ``ClientError`` `.invalidInput` for a file that is no picture, or a picture that is too small or too
    ///   large.
    package func tensor(of file: [UInt8], for session: EnclaveSession) async throws -> Tensor {
        let number = next.wrappingAdd(1, ordering: .relaxed).newValue
        let queue = queues[Int(UInt(bitPattern: number) % UInt(queues.count))]
        return try await withCheckedThrowingContinuation { continuation in
            queue.async {
                continuation.resume(
                    with: Result {
                        do throws(ImagingError) {
                            return try session.encode(try Image(decoding: file.span.bytes))
                        } catch { throw ClientError(.invalidInput, error.message) }
                    })
            }
        }
    }
}
