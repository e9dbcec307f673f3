// SPDX-License-Identifier: Apache-2.0
internal import SecretMemory

/// Private keys on P-384 in OpenSSL's formats: PEM (RFC 7468) of an `ECPrivateKey` (RFC 5915), or of PKCS #8 (RFC
/// 5958), not encrypted. The bytes pass between file and memory in ``SecretBytes`` only.
enum PEMPrivateKey {
    private static let scalarByteCount = 48
    private static let ecKey: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]
    private static let p384: [UInt8] = [0x2B, 0x81, 0x04, 0x00, 0x22]

    /// Whether a file is PEM text of any kind.
    static func isPEM(_ file: RawSpan) -> Bool {
        file.withUnsafeBytes { $0.starts(with: "-----BEGIN ".utf8) }
    }

    /// The private scalar, 48 bytes, big-endian.
    ///
    /// - Throws: ``SealedChannelError`` `.invalidKeyFile`.
    static func scalar(_ file: RawSpan) throws(SealedChannelError) -> SecretBytes {
        try file.withUnsafeBytes { (bytes) throws(SealedChannelError) in
            // OpenSSL writes the curve's parameters before a key, in a separate block.
            if let text = content(bytes, "EC PRIVATE KEY") {
                return try decoded(text) { Self.scalar(of: $0, needsCurve: true) }
            }
            guard let text = content(bytes, "PRIVATE KEY") else {
                throw invalid("it has no block 'EC PRIVATE KEY' or 'PRIVATE KEY', or it is encrypted")
            }
            return try decoded(text) { Self.wrappedScalar(of: $0) }
        }
    }

    private static func invalid(_ reason: String) -> SealedChannelError {
        SealedChannelError(
            .invalidKeyFile,
            "this PEM file has no private key on P-384: \(reason); `openssl ecparam -name secp384r1 -genkey -noout` makes one"
        )
    }

    /// The text between the lines of a label.
    private static func content(_ bytes: UnsafeRawBufferPointer, _ label: String) -> Slice<UnsafeRawBufferPointer>? {
        guard let begin = bytes.firstRange(of: Array("-----BEGIN \(label)-----".utf8)) else { return nil }
        let rest = bytes[begin.upperBound...]
        guard let end = rest.firstRange(of: Array("-----END \(label)-----".utf8)) else { return nil }
        return rest[..<end.lowerBound]
    }

    /// Decodes base64 with line breaks, and takes the scalar from the bytes.
    private static func decoded(
        _ text: Slice<UnsafeRawBufferPointer>, _ find: (Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer>?
    ) throws(SealedChannelError) -> SecretBytes {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D || byte == 0x20 }
        let count = text.count { !isSpace($0) }
        let padding = text.count { $0 == UInt8(ascii: "=") }
        guard count > 0, count.isMultiple(of: 4), padding <= 2 else {
            throw invalid("its text is not base64, or it is encrypted")
        }
        let digits = SecretBytes(count: count) { target in
            var place = 0
            for byte in text where !isSpace(byte) {
                target[place] = byte
                place += 1
            }
        }
        let key = try SecretBytes(count: count / 4 * 3 - padding) { (target) throws(SealedChannelError) in
            let isBase64 = digits.withBytes { Base64.decode($0, into: target) }
            guard isBase64 else { throw invalid("its text is not base64, or it is encrypted") }
        }
        return try SecretBytes(count: scalarByteCount) { (target) throws(SealedChannelError) in
            let isFound = key.withBytes { bytes in
                guard let scalar = find(bytes[...]) else { return false }
                target.copyBytes(from: scalar)
                return true
            }
            guard isFound else { throw invalid("it has a key of another kind or curve") }
        }
    }

    /// The scalar of an `ECPrivateKey`: version 1, scalar, curve, and optionally the public key, which is not read.
    private static func scalar(
        of key: Slice<UnsafeRawBufferPointer>, needsCurve: Bool
    ) -> Slice<UnsafeRawBufferPointer>? {
        var outer = key
        guard var fields = element(0x30, &outer), outer.isEmpty, element(0x02, &fields)?.elementsEqual([1]) == true,
            let scalar = element(0x04, &fields), scalar.count == scalarByteCount
        else { return nil }
        if var curve = element(0xA0, &fields) {
            guard element(0x06, &curve)?.elementsEqual(p384) == true, curve.isEmpty else { return nil }
        } else if needsCurve {
            return nil
        }
        return scalar
    }

    /// The scalar of PKCS #8: version 0, the curve, and an `ECPrivateKey`.
    private static func wrappedScalar(of key: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer>? {
        var outer = key
        guard var fields = element(0x30, &outer), outer.isEmpty, element(0x02, &fields)?.elementsEqual([0]) == true,
            var algorithm = element(0x30, &fields), element(0x06, &algorithm)?.elementsEqual(ecKey) == true,
            element(0x06, &algorithm)?.elementsEqual(p384) == true, algorithm.isEmpty,
            let content = element(0x04, &fields)
        else { return nil }
        return scalar(of: content, needsCurve: false)
    }

    /// Takes the content of the next element of DER, if it has the tag. A key on P-384 has less than 256 bytes.
    private static func element(
        _ tag: UInt8, _ rest: inout Slice<UnsafeRawBufferPointer>
    ) -> Slice<UnsafeRawBufferPointer>? {
        guard rest.first == tag, rest.count >= 2 else { return nil }
        var content = rest.dropFirst(2)
        var count = Int(rest[rest.startIndex + 1])
        if count == 0x81, let long = content.popFirst() { count = Int(long) } else if count >= 0x80 { return nil }
        guard content.count >= count else { return nil }
        rest = content.dropFirst(count)
        return content.prefix(count)
    }
}
