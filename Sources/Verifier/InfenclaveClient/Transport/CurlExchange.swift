// SPDX-License-Identifier: Apache-2.0
import CHTTPClient
import Foundation
import Synchronization

/// One request by libcurl and its answer, whose size is limited.
final class CurlExchange: Sendable {
    typealias Result = Swift.Result<TransportResponse, any Error>

    /// The bytes received so far.
    private struct Answer {
        var headers: [String: String] = [:]
        var headBytes = 0
        var isHeadComplete = false
        var body: [UInt8] = []
        /// The exceeded limit.
        var exceeded: Int?
    }

    /// Certificate chains in headers have some kilobytes.
    private static let maximumHeadBytes = 1 << 18

    private let request: TransportRequest
    private let isDirect: Bool
    private let cancelled = Atomic(false)
    private let answer = Mutex(Answer())
    private let waiter = Waiter<TransportResponse>()

    init(_ request: TransportRequest, isDirect: Bool) {
        self.request = request
        self.isDirect = isDirect
    }

    private var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// - Returns: Whether to perform the exchange: false if the task was already cancelled.
    func begin(_ continuation: CheckedContinuation<TransportResponse, any Error>) -> Bool {
        waiter.begin(continuation)
    }

    func finish(_ result: Result) { waiter.finish(result) }

    /// The caller is resumed at once; libcurl notices within a second.
    func cancel() {
        cancelled.store(true, ordering: .relaxed)
        waiter.finish(.failure(CancellationError()))
    }

    /// Blocks until the answer has arrived, or the request has failed.
    func perform(over connections: CurlConnections) -> Result {
        guard !isCancelled else { return .failure(CancellationError()) }
        var status: Int32 = 0
        var reason: UnsafePointer<CChar>?
        let outcome = withRequest { request in chc_perform(connections.pointer, request, &status, &reason) }
        guard !isCancelled else { return .failure(CancellationError()) }
        let answer = answer.withLock { $0 }
        if let limit = answer.exceeded {
            return .failure(TransportError(.tooLarge, "the answer is over \(limit) bytes"))
        }
        switch outcome {
        case CHC_ANSWERED where answer.isHeadComplete:
            return .success(TransportResponse(status: Int(status), headers: answer.headers, body: answer.body))
        case CHC_ANSWERED: return .failure(TransportError(.brokenConnection, "the connection broke"))
        default: return .failure(error(outcome, reason))
        }
    }

    /// Its pointers hold during `perform`.
    private func withRequest<Value>(_ perform: (UnsafePointer<chc_request>) -> Value) -> Value {
        var lines = request.headers.map { "\($0.key): \($0.value)" }.sorted()
        if let body = request.body { lines.append("Content-Type: \(body.contentType)") }
        return request.url.withCString { url in
            lines.joined(separator: "\n").withCString { headers in
                (request.body?.bytes ?? []).withUnsafeBufferPointer { bytes in
                    var request = chc_request()
                    request.url = url
                    request.headers = headers
                    request.is_post = self.request.body == nil ? 0 : 1
                    request.body = bytes.baseAddress
                    request.body_count = Int64(bytes.count)
                    request.is_direct = isDirect ? 1 : 0
                    request.is_fresh = self.request.needsFreshConnection ? 1 : 0
                    request.timeout_seconds = Int64(max(self.request.idleTimeout.seconds, 1).rounded(.up))
                    request.deadline_milliseconds = Int64(max(self.request.deadline.seconds * 1000, 1).rounded(.up))
                    request.context = Unmanaged.passUnretained(self).toOpaque()
                    request.on_header = { CurlExchange.from($0).receiveLine(.init(start: $1, count: Int($2))) }
                    request.on_body = { CurlExchange.from($0).receiveBody(.init(start: $1, count: Int($2))) }
                    request.is_cancelled = { CurlExchange.from($0).isCancelled ? 1 : 0 }
                    return perform(&request)
                }
            }
        }
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> CurlExchange {
        guard let context else { preconditionFailure("a request without its context") }
        return Unmanaged.fromOpaque(context).takeUnretainedValue()
    }

    private func receiveLine(_ line: UnsafeBufferPointer<UInt8>) -> Int32 {
        answer.withLock { answer in
            answer.headBytes += line.count
            guard answer.headBytes <= Self.maximumHeadBytes else {
                answer.exceeded = Self.maximumHeadBytes
                return 0
            }
            if line.starts(with: Array("HTTP/".utf8)), answer.body.isEmpty {
                // The status line of the answer, or of an interim response.
                answer.headers = [:]
                answer.isHeadComplete = false
            } else if line.first == UInt8(ascii: "\r") || line.first == UInt8(ascii: "\n") {
                answer.isHeadComplete = true
            } else if !answer.isHeadComplete, let colon = line.firstIndex(of: UInt8(ascii: ":")) {
                let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
                let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
                answer.headers[name] = value.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            return 1
        }
    }

    private func receiveBody(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
        answer.withLock { answer in
            guard answer.body.count + bytes.count <= request.maximumResponseBytes else {
                answer.exceeded = request.maximumResponseBytes
                return 0
            }
            answer.body.append(contentsOf: bytes)
            return 1
        }
    }

    private func error(_ outcome: chc_outcome, _ reason: UnsafePointer<CChar>?) -> TransportError {
        if [CHC_NOT_CONNECTED, CHC_UNKNOWN_PROXY].contains(outcome), !isDirect,
            let proxy = EnvironmentProxy(for: request.url, in: ProcessInfo.processInfo.environment)
        {
            return TransportError(
                .notConnected,
                "no connection could be made to the proxy \(proxy.address), which the variable \(proxy.variable) names",
                remedy: "start that proxy, or list the server in the variable no_proxy")
        }
        return switch outcome {
        case CHC_UNKNOWN_HOST: TransportError(.notConnected, "the host name is unknown")
        case CHC_UNKNOWN_PROXY: TransportError(.notConnected, "the name of the proxy is unknown")
        case CHC_NOT_CONNECTED: TransportError(.notConnected, "no connection could be made")
        case CHC_LATE: TransportError(.timedOut, "it did not answer in time")
        case CHC_UNTRUSTED_CERTIFICATE: TransportError(.notConnected, "this system does not trust its certificate")
        case CHC_REFUSED: TransportError(.notHTTP, "the server's answer is not HTTP")
        case CHC_STALE: TransportError(.staleConnection, "a kept connection broke")
        default:
            TransportError(
                .brokenConnection,
                "the connection failed (\(reason.map { String(cString: $0) } ?? "unknown reason"))")
        }
    }
}

extension Duration {
    /// The duration in seconds.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
