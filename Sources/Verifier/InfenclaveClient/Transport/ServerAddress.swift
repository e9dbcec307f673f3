// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The address of a server, and the path of the model there.
struct ServerAddress: Sendable {
    private let base: URLComponents

    /// - Parameters:
    ///   - server: `http://host:port` or `https://…`, and the path under which a server of several models has this one.
    ///     Confidentiality does not rest on TLS, which only hides the communicating parties.
    ///   - model: The model's name at a server of several models, instead of the path.
    init(_ server: String, model: String? = nil) throws(ClientError) {
        guard var base = URLComponents(string: server), let scheme = base.scheme, ["http", "https"].contains(scheme),
            base.host?.isEmpty == false, base.query == nil,
            (1...65535).contains(base.port ?? 1)
        else {
            throw ClientError(
                .invalidConfiguration, "'\(server)' is no server address", remedy: "write it as http://HOST:PORT")
        }
        // The message does not repeat the address, because it may contain a password.
        guard base.user == nil, base.password == nil, base.fragment == nil else {
            throw ClientError(
                .invalidConfiguration, "the server's address has a user, a password or a fragment",
                remedy: "write it as http://HOST:PORT")
        }
        while base.path.hasSuffix("/") { base.path.removeLast() }
        if let model {
            guard !model.isEmpty, !model.contains("/") else {
                throw ClientError(.invalidConfiguration, "'\(model)' is no name of a model")
            }
            base.path += "/models/\(model)"
        }
        self.base = base
    }

    /// The text for messages.
    var text: String { base.string ?? "" }

    /// The name of the server, for the request's authority.
    var authority: String { (base.encodedHost ?? "") + (base.port.map { ":\($0)" } ?? "") }

    func url(_ path: String, query: String = "") throws(ClientError) -> String {
        var url = base
        url.path = base.path + path
        url.query = query.isEmpty ? nil : query
        guard let text = url.string else {
            throw ClientError(.invalidConfiguration, "'\(path)' is no path of \(self.text)")
        }
        return text
    }
}

/// A server, reached by a transport.
struct ServerConnection: Sendable {
    let address: ServerAddress
    let transport: any ClientTransport
    /// The route of its requests for balancers and the host; `nil` for requests that may reach any server.
    var route: ClientRoute?
    var idleTimeout: Duration = .seconds(120)
    var deadline: Duration = .seconds(240)

    func get(_ path: String, query: String, maximumBytes: Int) async throws -> TransportResponse {
        try await send(
            TransportRequest(
                url: try address.url(path, query: query), headers: route?.headers ?? [:],
                maximumResponseBytes: maximumBytes, idleTimeout: idleTimeout, deadline: deadline))
    }

    /// - Parameter isOnce: Whether it must not be sent twice.
    func post(
        _ path: String, body: [UInt8], contentType: String, maximumBytes: Int, isOnce: Bool = false
    ) async throws -> TransportResponse {
        try await send(
            TransportRequest(
                url: try address.url(path), body: .init(bytes: body, contentType: contentType),
                headers: route?.headers ?? [:], maximumResponseBytes: maximumBytes, idleTimeout: idleTimeout,
                deadline: deadline,
                needsFreshConnection: isOnce))
    }

    private func send(_ request: TransportRequest) async throws -> TransportResponse {
        do {
            let response = try await transport.send(request)
            // A transport of the caller may not check it.
            guard response.body.count <= request.maximumResponseBytes else {
                throw ClientError(.invalidResponse, "the answer is over \(request.maximumResponseBytes) bytes")
            }
            return response
        } catch let error as TransportError {
            throw ClientError(error, of: address, isRepeatable: request.body == nil)
        } catch let error where error is ClientError || error is CancellationError {
            throw error
        } catch {
            throw ClientError(.unreachable, "\(address.text) cannot be reached: \(error)")
        }
    }
}

extension ClientError {
    /// - Parameter isRepeatable: Whether the request changes nothing, so that it may be sent again even where the
    ///   server may have read it.
    fileprivate init(_ error: TransportError, of server: ServerAddress, isRepeatable: Bool) {
        switch error.code {
        case .tooLarge, .notHTTP: self.init(.invalidResponse, error.message)
        case .unusable:
            self.init(.invalidConfiguration, error.message, remedy: "check how libcurl is installed")
        default:
            self.init(
                error.code == .timedOut ? .timedOut : .unreachable,
                "\(server.text) cannot be reached: \(error.message)",
                remedy: error.remedy ?? "check the address and that `infenclave serve` runs",
                isRetryable: error.code == .notConnected || error.code == .staleConnection
                    || (isRepeatable && error.code == .brokenConnection),
                isStale: error.code == .staleConnection)
        }
    }
}
