// SPDX-License-Identifier: Apache-2.0
package import FrameStream
import Synchronization
package import Wire

/// Writes messages to an enclave, one after another. The thread that has a message writes it at once, as much as the stream
/// takes without waiting. A thread of the writer's own writes the rest, and messages that come meanwhile.
package final class EnclaveWriter: Sendable {
    private struct State {
        /// A frame is being written, or waits to be.
        var isBusy = false
        var waiting: [OutgoingFrame] = []
    }

    private let stream: HostStream
    private let state = Mutex(State())
    private let thread = SerialThread(name: "enclave-writer")

    package init(_ stream: HostStream) { self.stream = stream }

    package func write(_ message: HostMessage, requestID: UInt64) {
        let frame = OutgoingFrame(message, requestID: requestID)
        let isFree = state.withLock { state in
            defer { state.isBusy = true }
            if state.isBusy { state.waiting.append(frame) }
            return !state.isBusy
        }
        guard isFree else { return }
        // A failed write means that the process is gone: the reader sees that too and fails all that is open.
        let written = (try? stream.writeWithoutWaiting(frame)) ?? frame.byteCount
        let rest = written < frame.byteCount ? frame : next()
        guard let rest else { return }
        let offset = written < frame.byteCount ? written : 0
        thread.enqueue { [self] in
            try? stream.write(rest, from: offset)
            while let frame = next() { try? stream.write(frame, from: 0) }
        }
    }

    /// The next frame that waits. If there is none, the next caller of `write` writes its message itself.
    private func next() -> OutgoingFrame? {
        state.withLock { state in
            state.isBusy = !state.waiting.isEmpty
            return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
        }
    }
}
