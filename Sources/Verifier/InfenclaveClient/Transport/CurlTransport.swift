// SPDX-License-Identifier: Apache-2.0
import CHTTPClient
import Foundation
import Glibc
import Synchronization

/// HTTP/1.1 by libcurl with persistent connections. Clients of several models of one server may share one transport.
public final class CurlTransport: ClientTransport {
    /// The number of connections that are kept. Further connections are closed after their request.
    private static let maximumKept = 32
    private static let isUsable = chc_start() != 0

    /// The idle connections. The one that was used last is used next.
    private let kept = Mutex<[CurlConnections]>([])

    /// A transport without connections yet.
    public init() {}

    /// Sends one request, over a kept connection if there is one and the request allows it.
    ///
    /// - Throws: ``TransportError``; `CancellationError`.
    public func send(_ request: TransportRequest) async throws -> TransportResponse {
        guard Self.isUsable, let connections = kept.withLock({ $0.popLast() }) ?? CurlConnections() else {
            throw TransportError(.unusable, "libcurl does not start")
        }
        let exchange = CurlExchange(request, isDirect: Self.isLocal(request.url))
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard exchange.begin(continuation) else { return }
                // The call may block for minutes, so it runs on a separate queue and thread.
                DispatchQueue(label: "infenclave.http").async { [self] in
                    let result = exchange.perform(over: connections)
                    // A connection whose request failed may still carry half an answer.
                    if case .success = result { keep(connections) }
                    exchange.finish(result)
                }
            }
        } onCancel: {
            exchange.cancel()
        }
    }

    private func keep(_ connections: CurlConnections) {
        kept.withLock { kept in
            if kept.count < Self.maximumKept { kept.append(connections) }
        }
    }

    /// A proxy of the environment cannot reach addresses of this machine or of its own link.
    private static func isLocal(_ url: String) -> Bool {
        let host = (URLComponents(string: url)?.host ?? "").lowercased()
        var address = in_addr()
        if inet_pton(AF_INET, host, &address) == 1 {
            let number = UInt32(bigEndian: address.s_addr)
            return number >> 24 == 127 || number >> 16 == 0xA9FE
        }
        return host == "localhost" || host == "[::1]" || host == "::1"
    }
}

/// Connections of libcurl.
///
/// - Note: `@unchecked Sendable` because the transport gives them to one request at a time.
final class CurlConnections: @unchecked Sendable {
    let pointer: OpaquePointer

    /// `nil` without memory.
    init?() {
        guard let pointer = chc_open() else { return nil }
        self.pointer = pointer
    }

    deinit { chc_close(pointer) }
}
