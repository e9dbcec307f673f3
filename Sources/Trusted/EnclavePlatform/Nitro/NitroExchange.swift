// SPDX-License-Identifier: Apache-2.0
/// The two messages of the Nitro security module that evidence needs, in CBOR (RFC 8949): a request with one argument
/// set, and the answer. The module writes definite lengths in their shortest form; nothing else is read.
enum NitroExchange {
    private static let byteString: UInt8 = 2
    private static let text: UInt8 = 3
    private static let map: UInt8 = 5
    private static let null: UInt8 = 0xF6

    /// `{"Attestation": {"user_data": …, "nonce": null, "public_key": null}}`
    static func attestationRequest(userData: [UInt8]) -> [UInt8] {
        head(map, 1) + string("Attestation") + head(map, 3) + string("user_data") + head(byteString, userData.count)
            + userData + string("nonce") + [null] + string("public_key") + [null]
    }

    /// The document in `{"Attestation": {"document": …}}`; `nil` for anything else, such as `{"Error": …}`.
    static func document(in answer: [UInt8]) -> [UInt8]? {
        var rest = answer[...]
        for prefix in [head(map, 1) + string("Attestation"), head(map, 1) + string("document")] {
            guard rest.starts(with: prefix) else { return nil }
            rest = rest.dropFirst(prefix.count)
        }
        // A document has over 255 and at most 65,535 bytes: its length takes two.
        guard rest.count > 3, rest.removeFirst() == byteString << 5 | 25 else { return nil }
        let count = Int(rest.removeFirst()) << 8 | Int(rest.removeFirst())
        guard count > 255, rest.count == count else { return nil }
        return Array(rest)
    }

    /// The major type of the next item, and its length, at most 255.
    private static func head(_ major: UInt8, _ count: Int) -> [UInt8] {
        precondition((0...255).contains(count), "no item of these messages is longer")
        return count < 24 ? [major << 5 | UInt8(count)] : [major << 5 | 24, UInt8(count)]
    }

    private static func string(_ value: String) -> [UInt8] { head(text, value.utf8.count) + Array(value.utf8) }
}
