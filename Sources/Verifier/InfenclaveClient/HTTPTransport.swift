import CHTTPClient
import Foundation
import Glibc
import Synchronization

/// Requests to one server, without redirects, caches or cookies, and with bounded answers.
struct HTTPTransport: Sendable {
    struct Response: Sendable {
        let status: Int
        /// By lower-case names.
        let headers: [String: String]
        let body: [UInt8]

        var contentType: String { headers["content-type"] ?? "" }
    }

    private let base: URLComponents
    private let timeout: Double
    private let deadline: Double

    /// - Parameters:
    ///   - server: `http://host:port` or `https://…`, and the path under which a server of several models has this one.
    ///     Confidentiality does not rest on TLS; it only hides who talks to whom.
    ///   - timeout: Seconds without a sign of life, a second at least.
    ///   - deadline: Seconds for the whole answer: who sends a byte now and then does not hold a client for ever.
    init(server: String, timeout: Double = 120, deadline: Double = 240) throws(ClientError) {
        guard var base = URLComponents(string: server), let scheme = base.scheme, ["http", "https"].contains(scheme),
            base.host?.isEmpty == false, base.query == nil,
            (1...65535).contains(base.port ?? 1)
        else {
            throw ClientError(
                .invalidConfiguration, "'\(server)' is no server address", remedy: "write it as http://HOST:PORT")
        }
        // Not repeated in the message: what stands there is a secret.
        guard base.user == nil, base.password == nil, base.fragment == nil else {
            throw ClientError(
                .invalidConfiguration, "the server's address has a user, a password or a fragment",
                remedy: "write it as http://HOST:PORT")
        }
        while base.path.hasSuffix("/") { base.path.removeLast() }
        self.base = base
        self.timeout = timeout
        self.deadline = deadline
    }

    /// The name of the server, for the request's authority.
    var authority: String { (base.encodedHost ?? "") + (base.port.map { ":\($0)" } ?? "") }

    /// Proxies of the environment cannot reach this machine as the client does.
    private var isLoopback: Bool {
        let host = (base.host ?? "").lowercased()
        var address = in_addr()
        if inet_pton(AF_INET, host, &address) == 1 { return UInt32(bigEndian: address.s_addr) >> 24 == 127 }
        return host == "localhost" || host == "[::1]"
    }

    func get(_ path: String, query: String, maximumBytes: Int) async throws(ClientError) -> Response {
        try await send(path, query, nil, maximumBytes)
    }

    func post(
        _ path: String, body: [UInt8], contentType: String, maximumBytes: Int
    ) async throws(ClientError) -> Response {
        try await send(path, "", .init(bytes: body, contentType: contentType), maximumBytes)
    }

    private func send(
        _ path: String, _ query: String, _ body: HTTPExchange.Body?, _ maximumBytes: Int
    ) async throws(ClientError) -> Response {
        var url = base
        url.path = base.path + path
        url.query = query.isEmpty ? nil : query
        guard let address = url.string else {
            throw ClientError(.invalidConfiguration, "'\(path)' is no path of \(base.string ?? "the server")")
        }
        let exchange = HTTPExchange(
            url: address, body: body, isDirect: isLoopback, timeout: timeout, deadline: deadline,
            maximumBytes: maximumBytes)
        let result: HTTPExchange.Result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // The call blocks, for minutes if need be. A queue of its own takes a thread of its own.
                DispatchQueue(label: "infenclave.http").async { continuation.resume(returning: exchange.perform()) }
            }
        } onCancel: {
            exchange.cancel()
        }
        do throws(ClientError) { return try result.get() } catch {
            guard error.code == .unreachable, !exchange.isCancelled else { throw error }
            throw ClientError(
                .unreachable, "\(base.string ?? "") cannot be reached: \(error.message)",
                remedy: "check the address and that `infenclave serve` runs")
        }
    }
}

/// One request and what comes back, up to a size.
private final class HTTPExchange: Sendable {
    struct Body: Sendable {
        let bytes: [UInt8]
        let contentType: String
    }

    typealias Result = Swift.Result<HTTPTransport.Response, ClientError>

    /// What came so far.
    private struct Answer {
        var headers: [String: String] = [:]
        var headBytes = 0
        var isHeadComplete = false
        var body: [UInt8] = []
        /// The limit that it went over.
        var exceeded: Int?
    }

    /// Certificate chains in headers have some kilobytes.
    private static let maximumHeadBytes = 1 << 18
    private static let isUsable = chc_start() != 0

    private let url: String
    private let body: Body?
    private let isDirect: Bool
    private let timeout: Double
    private let deadline: Double
    private let maximumBytes: Int
    private let cancelled = Atomic(false)
    private let answer = Mutex(Answer())

    init(url: String, body: Body?, isDirect: Bool, timeout: Double, deadline: Double, maximumBytes: Int) {
        self.url = url
        self.body = body
        self.isDirect = isDirect
        self.timeout = timeout
        self.deadline = deadline
        self.maximumBytes = maximumBytes
    }

    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    func cancel() { cancelled.store(true, ordering: .relaxed) }

    /// Blocks until the answer is there, or none will be.
    func perform() -> Result {
        guard Self.isUsable else {
            return .failure(
                ClientError(.invalidConfiguration, "libcurl does not start", remedy: "check how libcurl is installed"))
        }
        guard !isCancelled else { return .failure(Self.givenUp) }
        var status: Int32 = 0
        var reason: UnsafePointer<CChar>?
        let outcome = withRequest { request in chc_perform(request, &status, &reason) }
        let answer = answer.withLock { $0 }
        if let limit = answer.exceeded {
            return .failure(ClientError(.invalidResponse, "the answer is over \(limit) bytes"))
        }
        switch outcome {
        case CHC_ANSWERED where answer.isHeadComplete:
            return .success(.init(status: Int(status), headers: answer.headers, body: answer.body))
        case CHC_ANSWERED: return .failure(ClientError(.unreachable, "the connection broke"))
        case CHC_REFUSED where isCancelled: return .failure(Self.givenUp)
        case CHC_REFUSED: return .failure(ClientError(.invalidResponse, "what the server sent is no answer in HTTP"))
        default: return .failure(ClientError(.unreachable, Self.message(outcome, reason)))
        }
    }

    private static let givenUp = ClientError(.unreachable, "the request was cancelled")

    /// Its pointers hold during `perform`.
    private func withRequest<Value>(_ perform: (UnsafePointer<chc_request>) -> Value) -> Value {
        url.withCString { url in
            "Content-Type: \(body?.contentType ?? "")".withCString { contentType in
                (body?.bytes ?? []).withUnsafeBufferPointer { bytes in
                    var request = chc_request()
                    request.url = url
                    request.content_type = body == nil ? nil : contentType
                    request.body = bytes.baseAddress
                    request.body_count = Int64(bytes.count)
                    request.is_direct = isDirect ? 1 : 0
                    request.timeout_seconds = Int64(max(timeout, 1).rounded(.up))
                    request.deadline_milliseconds = Int64(max(deadline * 1000, 1).rounded(.up))
                    request.context = Unmanaged.passUnretained(self).toOpaque()
                    request.on_header = { HTTPExchange.from($0).receiveLine(.init(start: $1, count: Int($2))) }
                    request.on_body = { HTTPExchange.from($0).receiveBody(.init(start: $1, count: Int($2))) }
                    request.is_cancelled = { HTTPExchange.from($0).isCancelled ? 1 : 0 }
                    return perform(&request)
                }
            }
        }
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> HTTPExchange {
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
                // Of the answer, or of an interim one.
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
            guard answer.body.count + bytes.count <= maximumBytes else {
                answer.exceeded = maximumBytes
                return 0
            }
            answer.body.append(contentsOf: bytes)
            return 1
        }
    }

    private static func message(_ outcome: chc_outcome, _ reason: UnsafePointer<CChar>?) -> String {
        switch outcome {
        case CHC_UNKNOWN_HOST: "the host name is unknown"
        case CHC_UNKNOWN_PROXY: "the name of the proxy is unknown"
        case CHC_NOT_CONNECTED: "no connection could be made"
        case CHC_LATE: "it did not answer in time"
        case CHC_UNTRUSTED_CERTIFICATE: "this system does not trust its certificate"
        default: "the connection failed (\(reason.map { String(cString: $0) } ?? "unknown reason"))"
        }
    }
}
