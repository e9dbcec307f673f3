import Foundation
import FoundationNetworking
import Synchronization

/// Requests to one server, without redirects, caches or cookies, and with bounded answers.
struct HTTPTransport: Sendable {
    struct Response: Sendable {
        let status: Int
        let contentType: String
        /// By lower-case names.
        let headers: [String: String]
        let body: [UInt8]
    }

    private let base: URL
    private let timeout: TimeInterval
    private let deadline: TimeInterval

    /// - Parameters:
    ///   - server: `http://host:port` or `https://…`, without a path. Confidentiality does not rest on TLS; it only
    ///     hides who talks to whom.
    ///   - timeout: Seconds without a sign of life.
    ///   - deadline: Seconds for the whole answer: who sends a byte now and then does not hold a client for ever.
    init(server: String, timeout: TimeInterval = 120, deadline: TimeInterval = 240) throws(ClientError) {
        guard let url = URL(string: server), let scheme = url.scheme, ["http", "https"].contains(scheme),
            url.host?.isEmpty == false, url.path.isEmpty || url.path == "/", url.query == nil
        else {
            throw ClientError(
                .invalidConfiguration, "'\(server)' is no server address", remedy: "write it as http://HOST:PORT")
        }
        // Not repeated in the message: what stands there is a secret.
        guard url.user == nil, url.password == nil, url.fragment == nil else {
            throw ClientError(
                .invalidConfiguration, "the server's address has a user, a password or a fragment",
                remedy: "write it as http://HOST:PORT")
        }
        base = url
        self.timeout = timeout
        self.deadline = deadline
    }

    /// The name of the server, for the request's authority.
    var authority: String { base.host.map { "\($0)\(base.port.map { ":\($0)" } ?? "")" } ?? "" }

    func get(_ path: String, query: String, maximumBytes: Int) async throws(ClientError) -> Response {
        try await send(URLRequest(url: url(path, query)), maximumBytes: maximumBytes)
    }

    func post(
        _ path: String, body: [UInt8], contentType: String, maximumBytes: Int
    ) async throws(ClientError) -> Response {
        var request = URLRequest(url: url(path, nil))
        request.httpMethod = "POST"
        request.httpBody = Data(body)
        request.setValue(contentType, forHTTPHeaderField: "Content-Type")
        return try await send(request, maximumBytes: maximumBytes)
    }

    private func url(_ path: String, _ query: String?) -> URL {
        var components = URLComponents()
        (components.scheme, components.host, components.port) = (base.scheme, base.host, base.port)
        components.path = path
        components.query = query?.isEmpty == true ? nil : query
        return components.url ?? base
    }

    private func send(_ request: URLRequest, maximumBytes: Int) async throws(ClientError) -> Response {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = timeout
        configuration.httpShouldSetCookies = false
        configuration.urlCache = nil
        let receiver = Receiver(maximumBytes: maximumBytes)
        let session = URLSession(configuration: configuration, delegate: receiver, delegateQueue: nil)
        let result = await withCheckedContinuation { continuation in
            receiver.start(session.dataTask(with: request), deadline: deadline, continuation)
        }
        session.finishTasksAndInvalidate()
        do throws(ClientError) { return try result.get() } catch {
            guard error.code == .unreachable else { throw error }
            throw ClientError(
                .unreachable, "\(base.absoluteString) cannot be reached: \(error.message)",
                remedy: "check the address and that `infenclave serve` runs")
        }
    }
}

/// Collects one answer up to a size.
private final class Receiver: NSObject, URLSessionDataDelegate {
    typealias Result = Swift.Result<HTTPTransport.Response, ClientError>

    private struct State {
        var continuation: CheckedContinuation<Result, Never>?
        var body: [UInt8] = []
        var isTooLarge = false
        var isTooLate = false
    }

    private let maximumBytes: Int
    private let state = Mutex(State())

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// - Parameter deadline: Seconds. `timeoutIntervalForResource` would be the place for it; on Linux it does nothing.
    func start(
        _ task: URLSessionDataTask, deadline: TimeInterval, _ continuation: CheckedContinuation<Result, Never>
    ) {
        state.withLock { $0.continuation = continuation }
        DispatchQueue.global().asyncAfter(deadline: .now() + deadline) { [weak self, weak task] in
            self?.state.withLock { $0.isTooLate = true }
            task?.cancel()
        }
        task.resume()
    }

    func urlSession(
        _: URLSession, task _: URLSessionTask, willPerformHTTPRedirection _: HTTPURLResponse,
        newRequest _: URLRequest, completionHandler: @escaping (URLRequest?) -> Void
    ) { completionHandler(nil) }

    func urlSession(_: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let isTooLarge = state.withLock { state in
            state.isTooLarge = state.isTooLarge || state.body.count + data.count > maximumBytes
            if !state.isTooLarge { state.body.append(contentsOf: data) }
            return state.isTooLarge
        }
        if isTooLarge { dataTask.cancel() }
    }

    func urlSession(_: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        let (continuation, body, isTooLarge, isTooLate) = state.withLock { state in
            defer { state.continuation = nil }
            return (state.continuation, state.body, state.isTooLarge, state.isTooLate)
        }
        if isTooLarge {
            continuation?.resume(
                returning: .failure(ClientError(.invalidResponse, "the answer is over \(maximumBytes) bytes")))
        } else if isTooLate {
            continuation?.resume(returning: .failure(ClientError(.unreachable, Self.late)))
        } else if let response = task.response as? HTTPURLResponse, error == nil {
            var headers: [String: String] = [:]
            for (name, value) in response.allHeaderFields {
                if let name = name as? String, let value = value as? String { headers[name.lowercased()] = value }
            }
            continuation?.resume(
                returning: .success(
                    .init(
                        status: response.statusCode, contentType: headers["content-type"] ?? "", headers: headers,
                        body: body)))
        } else {
            let reason = (error as? URLError).map(Self.reason) ?? "the connection broke"
            continuation?.resume(returning: .failure(ClientError(.unreachable, reason)))
        }
    }

    private static let late = "it did not answer in time"

    private static func reason(_ error: URLError) -> String {
        switch error.code {
        case .cannotFindHost: "the host name is unknown"
        case .cannotConnectToHost: "the connection was refused"
        case .timedOut: late
        default: "the connection failed (error \(error.errorCode))"
        }
    }
}
