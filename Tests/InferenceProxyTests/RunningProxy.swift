// SPDX-License-Identifier: Apache-2.0
import Foundation
import FoundationNetworking
import InferenceProxy
import Logging
import Testing

/// A listener on a free port, as long as a test takes.
struct RunningProxy {
    struct Answer {
        let status: Int
        let headers: [String: String]
        let body: [UInt8]

        var json: [String: Any]? { (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] }
        var error: String { json?["error"] as? String ?? "" }
    }

    let port: Int

    static func with<Result: Sendable>(
        _ backend: FakeBackend, access: AccessRule = AccessRule(key: nil), budget: RequestBudget = RequestBudget(),
        limits: RESTServer.Limits = RESTServer.Limits(),
        _ body: (RunningProxy) async throws -> Result
    ) async throws -> Result {
        let (ports, port) = AsyncStream<Int>.makeStream()
        let server = RESTServer(
            ProxyAddress(host: "127.0.0.1", port: 0), service: InferenceService(backend: backend, version: "0"),
            access: access, budget: budget, limits: limits,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        ) { port.yield($0) }
        let running = Task { try await server.run() }
        defer { running.cancel() }
        var iterator = ports.makeAsyncIterator()
        return try await body(RunningProxy(port: try #require(await iterator.next())))
    }

    func send(
        _ method: String, _ path: String, _ body: [UInt8]? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        let url = try #require(URL(string: "http://127.0.0.1:\(port)\(path)"))
        var request = URLRequest(url: url)
        request.httpMethod = method
        // A busy machine may take its time.
        request.timeoutInterval = 3600
        request.httpBody = body.map { Data($0) }
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        let http = try #require(response as? HTTPURLResponse)
        var fields: [String: String] = [:]
        for (name, value) in http.allHeaderFields { fields["\(name)".lowercased()] = "\(value)" }
        return Answer(status: http.statusCode, headers: fields, body: [UInt8](data))
    }

    func infer(_ model: String, _ json: String, headers: [String: String] = [:]) async throws -> Answer {
        try await send("POST", "/v2/models/\(model)/infer", Array(json.utf8), headers: headers)
    }
}
