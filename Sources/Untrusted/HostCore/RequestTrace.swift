// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// Where a request spent its time, for operators: times and codes, and nothing that depends on the content of a
/// picture. Trace headers of a client's request are not read.
package final class RequestTrace: Sendable {
    package enum Stage: String, Sendable, CaseIterable {
        /// Until the enclave has room for one more.
        case admission
        /// From a question to the enclave until its answer.
        case enclave
        /// Until the BackNet begins.
        case queue
        case backNet = "backnet"
    }

    package struct Span: Sendable {
        package let stage: Stage
        /// Since ``RequestTrace/start``.
        package let begin: Duration
        package let end: Duration
    }

    /// Of the request that this task is about.
    @TaskLocal package static var current: RequestTrace?

    /// Random, 16 bytes: the request's own, never a client's.
    package let traceID: (UInt64, UInt64)
    /// Of the span in which the BackNet computes.
    package let backNetSpan: UInt64
    package let start: ContinuousClock.Instant
    /// Of the start, in nanoseconds since 1970.
    package let startTime: UInt64
    private let recorded = Mutex<[Span]>([])

    /// A request whose BackNet is asked again has a few more than four.
    private static let maximumSpans = 16

    package init(at start: ContinuousClock.Instant) {
        // None is zero, and the root's span is the first half of the trace's.
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

    /// Adds what the BackNet's engine says of a run that has just ended.
    package func add(_ run: BackNetRun, endingAt end: ContinuousClock.Instant) {
        let computing = end - run.computed
        add(.queue, from: computing - run.queued, to: computing)
        add(.backNet, from: computing, to: end)
    }

    /// For the engine that runs the BackNet, so that its own spans hang on the host's (W3C Trace Context, level 1).
    package var traceParent: String {
        "00-\(Self.hexadecimal(traceID.0))\(Self.hexadecimal(traceID.1))-\(Self.hexadecimal(backNetSpan))-01"
    }

    /// 16 digits.
    package static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    package var spans: [Span] { recorded.withLock { $0 } }
}

/// What takes traces of requests that are over. It never waits.
package protocol TraceSink: Sendable {
    /// - Parameters:
    ///   - request: The host's own identifier, which is in the log and in the answer's header.
    ///   - code: Of a refusal; `nil` for an answer.
    func take(_ trace: RequestTrace, request: String, model: String, status: Int, code: String?, took: Duration)

    var metricsText: MetricsText { get }
}
