// SPDX-License-Identifier: Apache-2.0
import Foundation
import SealedChannel
import SecretMemory
import Testing

/// The bytes that hex digits spell; blanks do not count.
func hex(_ digits: String) -> [UInt8] {
    let digits = digits.filter { !$0.isWhitespace }
    return stride(from: 0, to: digits.count, by: 2).map { offset in
        let start = digits.index(digits.startIndex, offsetBy: offset)
        return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)!
    }
}

func array(_ secret: borrowing SecretBytes) -> [UInt8] { secret.withBytes { [UInt8]($0) } }

// The macros of Swift Testing take no spans: hence these.

func parsedModelKey(_ digits: String) -> ModelKey? { ModelKey(bytes: hex(digits).span.bytes) }

func parsedToken(_ digits: String) -> AccessToken? { AccessToken(bytes: hex(digits).span.bytes) }

/// The code that `body` throws; `nil` when it succeeds.
func refusal(_ body: () throws(SealedChannelError) -> Void) -> SealedChannelError.Code? {
    do throws(SealedChannelError) {
        try body()
        return nil
    } catch {
        return error.code
    }
}

/// Every message that differs from `bytes` in one bit of one byte.
func flips(_ bytes: [UInt8]) -> some Sequence<[UInt8]> {
    bytes.indices.lazy.map { index in
        var copy = bytes
        copy[index] ^= 1 << UInt8(index % 8)
        return copy
    }
}

/// Every proper beginning of `bytes`.
func truncations(_ bytes: [UInt8]) -> some Sequence<[UInt8]> { bytes.indices.lazy.map { Array(bytes[..<$0]) } }

/// What `ohttp_reference.py` made.
struct Vectors: Decodable {
    struct Exchange: Decodable {
        let keyIdentifier: UInt8
        let privateKey, keyConfiguration, token, elements, request, message: String
        let response, responseNonce, sealedResponse: String
    }
    struct Provisioning: Decodable {
        let keyIdentifier: UInt8
        let privateKey, ownerPublicKey, modelKey, manifestDigest, epoch, message: String
        let tokens: [String]
    }
    struct Part: Decodable {
        let name, modelKey, context, seed, plaintext, sealed: String
        let chunkBytes: Int
    }
    struct Manifest: Decodable { let ownerSeed, ownerPublicKey, manifest, signature: String }
    struct Token: Decodable { let token, digest: String }

    let x25519, xWing: Exchange
    let provisioningX25519, provisioningXWing: Provisioning
    let parts: [Part]
    let manifest: Manifest
    let token: Token

    static let stored: Vectors = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("vectors.json")
        return try! JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
    }()
}

/// The recipients of the two exchanges in the vectors.
func keys(_ kem: KeyEncapsulation, _ identifier: UInt8, _ privateKey: String) throws -> ChannelKeyPair {
    switch kem {
    case .x25519:
        try ChannelKeyPair(keyIdentifier: identifier, x25519: hex(privateKey), algorithms: [.standard])
    case .xWing: try ChannelKeyPair(keyIdentifier: identifier, xWingSeed: hex(privateKey))
    }
}

/// A folder that is removed with the value.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/infenclave-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
}
