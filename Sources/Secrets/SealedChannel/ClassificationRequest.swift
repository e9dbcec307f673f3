// SPDX-License-Identifier: Apache-2.0
package import SecretMemory
package import Tensors

/// A client's request to the enclave: an access token and one input tensor.
///
/// Layout, little-endian: version u8 = 1 ‖ element type u8 (``ElementType``'s code; 1 = f32, 2 = u8) ‖ rank u8 ‖
/// 0 u8 ‖ token 32 bytes ‖ `rank` extents u32 ‖ the elements, row-major, to the end.
package struct ClassificationRequest: Sendable {
    package static let version: UInt8 = 1
    package static let method = "POST"
    package static let path = "/v1/classify"
    package static let mediaType = "application/vnd.infenclave.request"
    private static let fixedByteCount = 4 + AccessToken.byteCount

    package let token: AccessToken
    /// In wiped memory when it was decoded.
    package let tensor: Tensor

    package init(token: AccessToken, tensor: Tensor) {
        self.token = token
        self.tensor = tensor
    }

    /// The maximum size of the binary HTTP request for a tensor of this type, from which an enclave derives its limit
    /// on messages.
    package static func maximumBinaryRequestBytes(for type: TensorType) -> Int {
        fixedByteCount + 4 * type.shape.rank + type.byteCount + 8192
    }

    /// The inner body.
    ///
    /// - Throws: ``SealedChannelError`` `.invalidValue` for a tensor that is neither f32 nor u8, or whose extents do
    ///   not fit 32 bits.
    package func encode() throws(SealedChannelError) -> SecretBytes {
        let extents = tensor.shape.dimensions.compactMap { UInt32(exactly: $0) }
        guard Self.isCarried(tensor.element), extents.count == tensor.shape.rank else {
            throw SealedChannelError(.invalidValue, "a tensor of \(tensor.type) cannot be sent; expected f32 or u8")
        }
        return SecretBytes(count: Self.fixedByteCount + 4 * extents.count + tensor.byteCount) { target in
            var writer = SpanWriter(target)
            writer.littleEndian(Self.version)
            writer.littleEndian(tensor.element.rawValue)
            writer.littleEndian(UInt8(extents.count))
            writer.zeros(1)
            token.secret.withBytes { writer.bytes($0) }
            for extent in extents { writer.littleEndian(extent) }
            tensor.withBytes { writer.bytes($0) }
            writer.finish()
        }
    }

    /// The whole binary HTTP request around ``encode()``, for ``ObliviousRequest/seal(_:to:)``.
    ///
    /// - Parameter authority: Host and port of the server, for relays' logs; may be empty.
    package func encodeBinaryRequest(authority: String) throws(SealedChannelError) -> SecretBytes {
        let body = try encode()
        let head = BinaryRequest(
            method: Self.method, scheme: "https", authority: authority, path: Self.path,
            fields: [HTTPField(name: "content-type", value: Self.mediaType)])
        return head.encode(content: body.bytes)
    }

    /// Decodes a whole binary HTTP request, as ``OpenedRequest/request`` holds it.
    ///
    /// - Parameter types: The input types that the model takes. Nothing is allocated for another one.
    /// - Throws: ``SealedChannelError``: `.malformed`, `.unsupportedVersion`, `.wrongTensorType`.
    package init(binaryRequest message: RawSpan, accepting types: [TensorType]) throws(SealedChannelError) {
        let head = try BinaryRequest(decoding: message)
        guard head.method == Self.method, head.path == Self.path,
            head.fields.contains(HTTPField(name: "content-type", value: Self.mediaType))
        else {
            throw SealedChannelError(.malformed, "expected \(Self.method) \(Self.path) with \(Self.mediaType)")
        }
        self = try head.withContent(of: message) { (body) throws(SealedChannelError) in
            try ClassificationRequest(decoding: body, accepting: types)
        }
    }

    /// Decodes the inner body. The elements are copied to wiped memory.
    ///
    /// - Throws: As ``init(binaryRequest:accepting:)``.
    package init(
        decoding body: RawSpan, accepting types: [TensorType], allocator: StorageAllocator = .wiping
    ) throws(SealedChannelError) {
        var reader = SpanReader(body, of: "classification request")
        let version = try reader.littleEndian(UInt8.self, "version")
        guard version == Self.version else {
            throw SealedChannelError(
                .unsupportedVersion, "classification request: version \(version), expected \(Self.version)")
        }
        let elementCode = try reader.littleEndian(UInt8.self, "element type")
        let rank = Int(try reader.littleEndian(UInt8.self, "rank"))
        try reader.zeros(1, "reserved byte")
        let tokenRange = try reader.skip(AccessToken.byteCount, "token")
        guard let element = ElementType(rawValue: elementCode), Self.isCarried(element), rank <= Shape.maximumRank
        else {
            throw reader.malformed("element type \(elementCode), rank \(rank)")
        }
        var extents: [Int] = []
        for _ in 0..<rank { extents.append(Int(try reader.littleEndian(UInt32.self, "extent"))) }
        guard let type = types.first(where: { $0.element == element && $0.shape.dimensions == extents }) else {
            throw SealedChannelError(
                .wrongTensorType, "the model takes \(types.map(\.description).joined(separator: " or "))")
        }
        let elements = try reader.skip(type.byteCount, "elements")
        try reader.finish()
        token = AccessToken(SecretBytes(copying: body.extracting(tokenRange)))
        tensor = Tensor(type: type, allocator: allocator) { target in
            body.extracting(elements).withUnsafeBytes { target.copyMemory(from: $0) }
        }
    }

    private static func isCarried(_ element: ElementType) -> Bool { element == .float32 || element == .uint8 }
}
