// SPDX-License-Identifier: Apache-2.0
import Glibc
import Hexadecimal
import Synchronization

/// A trace of a request, for operators: times and codes; nothing depends on the content of an image. Trace headers of a
/// client's request are not read.
package final class RequestTrace: Sendable {
    package enum Stage: String, Sendable, CaseIterable {
        /// The wait for a credit of the enclave.
        case admission
        /// A round trip to the enclave.
        case enclave
        /// Until the BackNet begins.
        case queue
        case backNet = "backnet"
    }

    package struct Span: Sendable {
        package let stage: Stage
        /// Time since ``RequestTrace/start``.
        package let begin: Duration
        package let end: Duration
    }

    /// The trace of the request that this task processes.
    @TaskLocal package static var current: RequestTrace?

    /// Random, 16 bytes; never taken from a client.
    package let traceID: (UInt64, UInt64)
    /// The identifier of the BackNet's span.
    package let backNetSpan: UInt64
    package let start: ContinuousClock.Instant
    /// The time of the start, in nanoseconds since 1970.
    package let startTime: UInt64
    private let recorded = Mutex<[Span]>([])

    /// A request whose BackNet is retried has a few more than four.
    private static let maximumSpans = 16

    package init(at start: ContinuousClock.Instant) {
        // No identifier is zero; that of the root span is the first half of the trace's.
        traceID = (UInt64.random(in: 1 ... .max), UInt64.random(in: .min ... .max))
        backNetSpan = UInt64.random(in: 1 ... .max)
        self.start = start
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let past = (ContinuousClock.now - start) / .nanoseconds(1)
        startTime = UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec) &- UInt64(max(0, past))
    }

    package func add(_ stage: Stage, from begin: ContinuousClock.Instant, to end: ContinuousClock.Instant) {
        recorded.withLock { spans in
            guard spans.count < Self.maximumSpans else { return }
            spans.append(Span(stage: stage, begin: begin - start, end: end - start))
        }
    }

    /// Adds the times of a run that the BackNet's engine reports.
    package func add(_ run: BackNetRun, endingAt end: ContinuousClock.Instant) {
        let computing = end - run.computed
        add(.queue, from: computing - run.queued, to: computing)
        add(.backNet, from: computing, to: end)
    }

    /// The header for the BackNet's engine, so that its spans are children of the host's (W3C Trace Context, level 1).
    package var traceParent: String {
        "00-\(Self.hexadecimal(traceID.0))\(Self.hexadecimal(traceID.1))-\(Self.hexadecimal(backNetSpan))-01"
    }

    /// 16 digits.
    package static func hexadecimal(_ value: UInt64) -> String {
        withUnsafeBytes(of: value.bigEndian) { $0.hex }
    }

    package var spans: [Span] { recorded.withLock { $0 } }
}

/// Receives the traces of finished requests. It never blocks.
package protocol TraceSink: Sendable {
    /// - Parameters:
    ///   - request: The host's identifier of the request, as in the log and in the answer's header.
    ///   - code: The code of a refusal; `nil` for an answer.
    func take(_ trace: RequestTrace, request: String, model: String, status: Int, code: String?, took: Duration)

    var metricsText: MetricsText { get }
}
