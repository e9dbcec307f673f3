// SPDX-License-Identifier: Apache-2.0
import Foundation
package import InfenclaveImaging
import Synchronization

/// The file of a policy, which may be replaced or removed while the proxy runs.
package final class PolicyFile: Sendable {
    enum Change {
        case unchanged
        case replaced(Policy)
        case unusable(ClientError)
    }

    private static let maximumBytes = 1 << 20

    let path: String
    private let check: @Sendable (Policy) throws(ClientError) -> Void
    /// The content in force; `nil` if the file is not usable.
    private let content: Mutex<Data?>

    /// - Parameter check: A check that every policy in the file has to pass.
    /// - Throws: ``ClientError`` `.invalidConfiguration`.
    package init(
        _ path: String, check: @escaping @Sendable (Policy) throws(ClientError) -> Void
    ) throws(ClientError) {
        self.path = path
        self.check = check
        let data = try Self.contents(of: path)
        _ = try Self.policy(data, path, check)
        content = Mutex(data)
    }

    /// - Throws: ``ClientError`` `.invalidConfiguration`.
    package func policy() throws(ClientError) -> Policy {
        guard let data = content.withLock({ $0 }) else {
            throw ClientError(.invalidConfiguration, "\(path) is no policy")
        }
        return try Self.policy(data, path, check)
    }

    /// The policy in force as text; empty if there is none.
    var text: String { content.withLock { $0.map { String(decoding: $0, as: UTF8.self) } ?? "" } }

    /// Reads the file again, and returns what has changed.
    func read() -> Change {
        do throws(ClientError) {
            let data = try Self.contents(of: path)
            guard content.withLock({ $0 }) != data else { return .unchanged }
            let policy = try Self.policy(data, path, check)
            content.withLock { $0 = data }
            return .replaced(policy)
        } catch {
            let wasUsable = content.withLock { content in
                defer { content = nil }
                return content != nil
            }
            return wasUsable ? .unusable(error) : .unchanged
        }
    }

    private static func contents(of path: String) throws(ClientError) -> Data {
        do throws(BoundedFile.Fault) {
            return try BoundedFile.contents(of: path, maximumBytes: maximumBytes)
        } catch {
            throw ClientError(
                .invalidConfiguration, "the policy \(path) cannot be read\(error.suffix)",
                remedy: "put the policy's file there, or name another with --policy")
        }
    }

    private static func policy(
        _ data: Data, _ path: String, _ check: (Policy) throws(ClientError) -> Void
    ) throws(ClientError) -> Policy {
        let policy: Policy
        do throws(AttestationError) { policy = try Policy(json: [UInt8](data)) } catch {
            throw ClientError(.invalidConfiguration, "\(path): \(error.message)")
        }
        try check(policy)
        return policy
    }
}
