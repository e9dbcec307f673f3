// SPDX-License-Identifier: Apache-2.0
package import FrameStream
package import Wire

/// Drives an ``Enclave`` over a stream of frames. One thread reads, writes and owns the enclave's state. With one
/// worker it also computes; otherwise the workers do. Inference never runs on the cooperative pool, and each thread of
/// the engine's callers keeps its own team.
package enum EnclaveServer {
    /// Serves until the host closes the stream or asks to shut down.
    ///
    /// - Parameter watchdog: Ends the process when the host keeps this thread from ending a lease or replacing keys,
    ///   for instance by not reading.
    /// - Throws: ``WireError`` when the stream cannot be read or written any further.
    package static func run(
        _ enclave: consuming Enclave, on stream: EnclaveStream, watchdog: Watchdog
    ) throws(WireError) {
        let workers = enclave.makeWorkers()
        defer { workers?.stop() }
        while !enclave.isShutDown {
            try write(enclave.advance(), to: stream)
            watchdog.expect(progressBy: enclave.nextChange)
            let hasInput = try stream.waitForInput(
                atMost: min(enclave.timeToNextChange, longestWait), orUntilReadable: workers?.signal)
            for computed in workers?.takeFinished() ?? [] { try write(enclave.finish(computed), to: stream) }
            guard hasInput else { continue }
            guard let received = try stream.read(limits: enclave.frameLimits) else { return }
            switch received {
            case .frame(let frame):
                let step = enclave.take(frame.message, requestID: frame.requestID)
                try write(step.frames, to: stream)
                guard let computation = step.computation else { continue }
                if let workers {
                    workers.submit(computation)
                } else {
                    try write(enclave.finish(computation.run(worker: 0)), to: stream)
                }
            case .malformed(let requestID, _): try write(enclave.refuseMalformed(requestID: requestID), to: stream)
            }
        }
    }

    /// A wait does not count time during which the machine sleeps, but a lease does, so the clock is checked this
    /// often.
    private static let longestWait = Duration.seconds(10)

    private static func write(_ replies: [Frame<EnclaveMessage>], to stream: EnclaveStream) throws(WireError) {
        for reply in replies { try stream.write(reply.message, requestID: reply.requestID) }
    }
}
