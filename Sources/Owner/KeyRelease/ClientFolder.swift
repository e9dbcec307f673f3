// SPDX-License-Identifier: Apache-2.0
import Foundation
import InfenclaveClient
package import SealedChannel
import StrictJSON

/// The clients that an enclave may answer, as files of a folder: `NAME.token`, an access token, and optionally
/// `NAME.json` with the client's own quotas, `{"requests": N, "requestsPerMinute": N}`. Other files are ignored.
package struct ClientFolder: Sendable {
    private struct Quota: Decodable {
        let requests: UInt64?
        let requestsPerMinute: UInt32?
    }

    private static let maximumQuotaBytes = 4096
    private static let maximumFiles = 131_072

    private let path: String
    private let requests: UInt64
    private let requestsPerMinute: UInt32

    /// - Parameters:
    ///   - requests: Default number of requests of a client in a lease.
    ///   - requestsPerMinute: Default number of requests of a client a minute.
    package init(_ path: String, requests: UInt64, requestsPerMinute: UInt32) {
        (self.path, self.requests, self.requestsPerMinute) = (path, requests, requestsPerMinute)
    }

    /// - Throws: ``KeyReleaseError`` (clients) when any of its files is invalid: a partial list would remove clients.
    package func read() throws(KeyReleaseError) -> [ClientGrant] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: path) } catch {
            throw KeyReleaseError(
                .clients, "the folder of clients \(path) cannot be read\(SystemReason.suffix(of: error))",
                remedy: "check the path")
        }
        guard names.count <= Self.maximumFiles else {
            throw KeyReleaseError(.clients, "\(path) has \(names.count) files, the limit is \(Self.maximumFiles)")
        }
        var grants: [ClientGrant] = []
        for name in names.sorted() where name.hasSuffix(".token") && !name.hasPrefix(".") {
            let stem = String(name.dropLast(".token".count))
            grants.append(try grant(stem, hasQuota: names.contains("\(stem).json")))
        }
        for name in names where name.hasSuffix(".json") && !name.hasPrefix(".") {
            guard names.contains("\(name.dropLast(".json".count)).token") else {
                throw KeyReleaseError(
                    .clients, "\(path)/\(name) gives quotas to a client without a token",
                    remedy: "put the client's token beside it, as \(name.dropLast(5)).token")
            }
        }
        guard !grants.isEmpty else {
            throw KeyReleaseError(
                .clients, "\(path) holds no client: the enclave would answer nobody",
                remedy: "put tokens there, which `infenclave keygen token --out \(path)/NAME.token` makes")
        }
        return grants.sorted { $0.token < $1.token }
    }

    private func grant(_ name: String, hasQuota: Bool) throws(KeyReleaseError) -> ClientGrant {
        var quota = Quota(requests: nil, requestsPerMinute: nil)
        let file = "\(path)/\(name).json"
        if hasQuota {
            let data: Data
            do throws(BoundedFile.Fault) {
                data = try BoundedFile.contents(of: file, maximumBytes: Self.maximumQuotaBytes)
            } catch {
                throw KeyReleaseError(.clients, "\(file) cannot be read\(error.suffix)", remedy: "check the path")
            }
            guard let read = try? Self.quota([UInt8](data)), read.requests != 0, read.requestsPerMinute != 0 else {
                throw KeyReleaseError(
                    .clients, "\(file) is no quota",
                    remedy: #"write it as {"requests": N, "requestsPerMinute": N}, each 1 or more"#)
            }
            quota = read
        }
        do throws(SealedChannelError) {
            return ClientGrant(
                token: try AccessToken(contentsOf: "\(path)/\(name).token").digest,
                requests: quota.requests ?? requests,
                requestsPerMinute: quota.requestsPerMinute ?? requestsPerMinute)
        } catch { throw KeyReleaseError(.clients, "\(path)/\(name).token: \(error.message)") }
    }

    private static func quota(_ json: [UInt8]) throws -> Quota {
        try JSONText(json, name: "the quota").object().refuseMembers(otherThan: ["requests", "requestsPerMinute"])
        return try Quota(strictlyDecoding: json, name: "the quota")
    }
}
