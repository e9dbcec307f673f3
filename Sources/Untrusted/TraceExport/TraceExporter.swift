// SPDX-License-Identifier: Apache-2.0
import Glibc
import HTTPCalls
package import HostCore
import NIOCore
import NIOHTTP1
import Synchronization

/// Sends traces to a collector of OpenTelemetry in batches, from a separate task. If a collector is slow or absent,
/// traces are dropped and counted; requests never wait for it.
package final class TraceExporter: TraceSink {
    private struct State {
        var waiting: [FinishedTrace] = []
        var exported = 0
        /// The number of traces dropped for lack of room, or with a lost batch.
        var dropped = 0
        var lostBatches = 0
        var task: Task<Void, Never>?
    }

    package let endpoint: TraceEndpoint
    private let client: HTTPClient
    private let version: String
    /// The timeout for one batch, and at the end for all waiting traces.
    private let timeout: Duration
    private let log: @Sendable (LogLine) -> Void
    private let state = Mutex(State())
    /// Wakes the task; one is enough.
    private let (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    private static let maximumWaiting = 4096
    private static let batchSize = 512
    private static let interval = Duration.seconds(1)
    private static let maximumAnswerBytes = 1 << 16

    /// - Parameters:
    ///   - version: The version of this program.
    ///   - timeout: The timeout for the answer to one batch. When the server stops, traces that are not sent in this
    ///     time are lost.
    ///   - log: Called when the collector begins and ceases to accept traces.
    package init(
        to endpoint: TraceEndpoint, version: String, timeout: Duration = .seconds(5),
        log: @escaping @Sendable (LogLine) -> Void
    ) {
        self.endpoint = endpoint
        (self.version, self.timeout) = (version, timeout)
        self.log = log
        client = HTTPClient(host: endpoint.host, port: endpoint.port)
    }

    package func take(
        _ trace: RequestTrace, request: String, model: String, status: Int, code: String?, took: Duration
    ) {
        let finished = FinishedTrace(
            trace, request: request, model: model, status: status, code: code, took: took)
        let isFull = state.withLock { state in
            guard state.waiting.count < Self.maximumWaiting else {
                state.dropped += 1
                return false
            }
            state.waiting.append(finished)
            return state.waiting.count == Self.batchSize
        }
        if isFull { waker.yield() }
    }

    /// Starts sending, until ``stop()``.
    package func start() {
        let task = Task { [self] in
            var isLost = false
            let timer = Task { [waker] in
                while !Task.isCancelled {
                    try? await Task.sleep(for: Self.interval)
                    waker.yield()
                }
            }
            defer { timer.cancel() }
            for await _ in wakes { await sendAll(&isLost) }
        }
        state.withLock { $0.task = task }
    }

    /// Sends the waiting traces, and ends. A collector that does not answer delays this by a few seconds at most.
    package func stop() async {
        waker.yield()
        waker.finish()
        let task = state.withLock(\.task)
        let deadline = Task { [timeout] in
            try await Task.sleep(for: timeout)
            task?.cancel()
        }
        await task?.value
        deadline.cancel()
    }

    private func sendAll(_ isLost: inout Bool) async {
        while !Task.isCancelled {
            let batch = state.withLock { state in
                let count = min(Self.batchSize, state.waiting.count)
                defer { state.waiting.removeFirst(count) }
                return Array(state.waiting.prefix(count))
            }
            guard !batch.isEmpty else { return }
            let failure = await send(batch)
            state.withLock { state in
                if failure == nil {
                    state.exported += batch.count
                } else {
                    state.dropped += batch.count
                    state.lostBatches += 1
                }
            }
            if let failure, !isLost {
                log(LogLine(.warning, "traces do not reach \(endpoint): \(failure); they are counted as dropped"))
            } else if failure == nil, isLost {
                log(LogLine(.info, "traces reach \(endpoint) again"))
            }
            isLost = failure != nil
            // Traces that wait behind a lost batch have another second.
            if isLost { return }
        }
    }

    /// - Returns: The reason why the collector did not accept them.
    private func send(_ batch: [FinishedTrace]) async -> String? {
        let body = ByteBuffer(bytes: TraceJSON(batch, version: version).bytes)
        let headers: HTTPHeaders = [
            "host": endpoint.authority, "user-agent": "infenclave", "content-type": "application/json",
            "content-length": "\(body.readableBytes)",
        ]
        let head = HTTPRequestHead(
            version: .http1_1, method: .POST, uri: "\(endpoint.prefix)/v1/traces", headers: headers)
        do {
            let answer = try await client.send(
                head, body, maximumBytes: Self.maximumAnswerBytes, within: timeout)
            return (200..<300).contains(answer.status) ? nil : "it answers with HTTP \(answer.status)"
        } catch HTTPFault.late { return "no answer within \(timeout)" } catch HTTPFault.noHTTP {
            return "its answer is not HTTP/1.1"
        } catch { return "the connection failed" }
    }

    package var metricsText: MetricsText {
        let (exported, dropped, lost, waiting) = state.withLock {
            ($0.exported, $0.dropped, $0.lostBatches, $0.waiting.count)
        }
        var text = MetricsText()
        text.add("traces_exported_total", .counter, "Traces that the collector accepted.", Double(exported))
        text.add(
            "traces_dropped_total", .counter, "Traces that were refused, or did not fit the queue.", Double(dropped))
        text.add("trace_batches_lost_total", .counter, "Batches that the collector did not accept.", Double(lost))
        text.add("traces_waiting", .gauge, "Traces that wait to be sent.", Double(waiting))
        return text
    }
}
