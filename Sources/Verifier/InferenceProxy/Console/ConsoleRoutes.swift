// SPDX-License-Identifier: Apache-2.0
import Foundation
import HTTPTypes
import Hummingbird
import InfenclaveImaging
import NIOCore
import OpenInference

/// The console page and the requests that it makes. The page itself holds no data; its requests need the same access as
/// others.
struct ConsoleRoutes: Sendable {
    let console: Console
    let access: AccessRule
    let budget: RequestBudget
    let bodyTime: Duration

    /// The page loads nothing from anywhere else, and no page may frame it.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    private static let maximumPictureBytes = 16 << 20

    /// - Returns: `nil` for a path that is not the console's.
    func answer(_ request: Request) async throws -> Response? {
        switch (request.method, request.uri.path) {
        case (.get, "/console"): return page(PackageResources.console_html, "text/html; charset=utf-8")
        case (.get, "/console/console.js"): return page(PackageResources.console_js, "text/javascript")
        case (.get, "/console/console.css"): return page(PackageResources.console_css, "text/css")
        case (.get, "/console/state"):
            try check(request)
            return try json(console.state)
        case (.post, "/console/classify"):
            try check(request)
            return try await classify(request)
        default: return nil
        }
    }

    private func check(_ request: Request) throws(OpenInferenceError) {
        try access.check(
            authorization: request.headers[.authorization], host: request.head.authority,
            origin: request.headers[.origin])
    }

    private func classify(_ request: Request) async throws -> Response {
        let declared = request.headers[.contentLength].flatMap { Int($0) } ?? Self.maximumPictureBytes
        guard declared <= Self.maximumPictureBytes else { throw Self.tooLarge }
        return try await budget.holding(declared) {
            let file = try await request.bytes(
                declared: declared, atMost: Self.maximumPictureBytes, else: Self.tooLarge, within: bodyTime)
            do { return try json(try await console.classify(file)) } catch let error as ClientError {
                throw OpenInferenceError(error)
            }
        }
    }

    private static let tooLarge = OpenInferenceError(.tooLarge, "the picture is over \(maximumPictureBytes) bytes")

    private func page(_ bytes: [UInt8], _ type: String) -> Response {
        var headers: HTTPFields = [.contentType: type, .cacheControl: "no-store"]
        headers[.contentSecurityPolicy] = Self.policy
        headers[.xContentTypeOptions] = "nosniff"
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    private func json(_ value: some Encodable) throws(OpenInferenceError) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: try JSONBody.encode(value))))
    }
}
