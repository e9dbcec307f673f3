// SPDX-License-Identifier: Apache-2.0
import Attestation
import Foundation
import InfenclaveImaging
import SealedChannel
import Synchronization
import Tensors

/// Clients that classify one picture after the other until they are told to stop.
final class SteadyClients: Sendable {
    private struct State {
        var answers = 0
        var failures: [String] = []
        var attestations = 0
        var isOver = false
    }

    private let state = Mutex(State())
    private let count: Int

    init(_ count: Int) { self.count = count }

    var answers: Int { state.withLock(\.answers) }
    var failures: [String] { state.withLock(\.failures) }
    var attestations: Int { state.withLock(\.attestations) }
    func stop() { state.withLock { $0.isOver = true } }

    /// - Returns: When ``stop()`` was called, and all have their last answer.
    func run(_ url: String, _ deployment: Deployment, policy: [UInt8]) async throws {
        var options = ClientOptions()
        options.observer = { [self] event in
            if event.kind == .attestation { state.withLock { $0.attestations += 1 } }
        }
        let token = try AccessToken(contentsOf: deployment.token)
        let clients = try (0..<count).map { _ in
            try InfenclaveClient(
                server: url, policy: try Policy(json: policy), token: token, development: .dangerouslyAccept,
                options: options)
        }
        let picture = try Tensor([UInt8](repeating: 100, count: 64 * 64 * 3), shape: [1, 64, 64, 3])
        await withTaskGroup { group in
            for client in clients {
                group.addTask { [self] in
                    while !state.withLock(\.isOver), !Task.isCancelled {
                        do {
                            _ = try await client.classify(picture)
                            state.withLock { $0.answers += 1 }
                        } catch {
                            state.withLock { $0.failures.append("\(error)") }
                        }
                    }
                }
            }
        }
    }
}
