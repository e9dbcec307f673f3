// SPDX-License-Identifier: Apache-2.0
package import FrameStream
import Synchronization
package import Wire

/// Writes messages to an enclave, one after another. The calling thread writes as much as the stream accepts without
/// blocking. A background thread writes the rest, and the messages that arrive meanwhile.
package final class EnclaveWriter: Sendable {
    private struct State {
        /// Whether a frame is being written or queued.
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
        // A failed write means that the process has ended: the reader detects that too and fails all pending requests.
        let written = (try? stream.writeWithoutWaiting(frame)) ?? frame.byteCount
        let rest = written < frame.byteCount ? frame : next()
        guard let rest else { return }
        let offset = written < frame.byteCount ? written : 0
        thread.enqueue { [self] in
            try? stream.write(rest, from: offset)
            while let frame = next() { try? stream.write(frame, from: 0) }
        }
    }

    /// The next queued frame. If there is none, the next caller of `write` writes its message itself.
    private func next() -> OutgoingFrame? {
        state.withLock { state in
            state.isBusy = !state.waiting.isEmpty
            return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
        }
    }
}
