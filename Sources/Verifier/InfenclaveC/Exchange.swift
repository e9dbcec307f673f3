// SPDX-License-Identifier: Apache-2.0
// The names are those of the header.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Attestation
public import CInfenclave
import Evidence
import SealedChannel
import SecretMemory
import Tensors

/// A sealed request, with what opens its answer and what the answer has to satisfy.
final class Exchange: Sendable {
    /// The message to send.
    let message: [UInt8]
    private let opener: ResponseOpener
    private let peer: Peer

    /// - Throws: ``Failure`` `refused` or `invalidInput`, ``SealedChannelError``.
    init(sealing tensor: Tensor, token: AccessToken, authority: String, to peer: Peer) throws {
        try peer.requireService()
        try peer.requireInput(tensor.type)
        let plaintext = try ClassificationRequest(token: token, tensor: tensor)
            .encodeBinaryRequest(authority: authority)
        let sealed = try ObliviousRequest.seal(plaintext.bytes, to: peer.recipient)
        (message, opener) = (sealed.message, sealed.opener)
        self.peer = peer
    }

    /// The classes of the answer, the most probable first.
    ///
    /// - Throws: ``Failure``, ``SealedChannelError``.
    func classes(in answer: [UInt8]) throws -> [Classification] {
        let opened = try open(answer)
        if let refusal = peer.refusal(opened.status) { throw refusal }
        let service = peer.peer.manifestCore.service
        guard opened.entries.count == service.topK, opened.entries.allSatisfy({ $0.index < service.classes }) else {
            throw Failure("invalidResponse", "the answer lists other classes than the attested model has")
        }
        return opened.entries.map { Classification(index: $0.index, name: $0.name, probability: $0.probability) }
    }

    private func open(_ answer: [UInt8]) throws(SealedChannelError) -> ClassificationAnswer {
        let plaintext = try opener.open(answer.span.bytes)
        return try ClassificationAnswer(binaryResponse: plaintext.bytes)
    }
}

/// One class of an answer.
struct Classification: Encodable {
    let index: Int
    let name: String
    let probability: Float
}

/// Seals one classification request (RFC 9458). `infenclave.h` documents the parameters.
@c @implementation
public func infenclave_seal(
    _ peer: OpaquePointer!, _ token: OpaquePointer!, _ authority: UnsafePointer<CChar>!, _ element: UInt8,
    _ extents: UnsafePointer<UInt32>!, _ rank: Int, _ elements: infenclave_bytes,
    _ request: UnsafeMutablePointer<OpaquePointer?>!, _ message: UnsafeMutablePointer<infenclave_buffer>!,
    _ failure: UnsafeMutablePointer<infenclave_buffer>!
) -> Int32 {
    guard let peer, let token, let authority, let request, let message, let failure, extents != nil || rank == 0 else {
        return INFENCLAVE_MISUSE
    }
    return answer(failure) {
        guard let type = ElementType(rawValue: element), rank <= Shape.maximumRank else {
            throw Failure("invalidInput", "element \(element) or rank \(rank) is unknown")
        }
        let shape = try Shape(UnsafeBufferPointer(start: extents, count: rank).map { Int($0) })
        let tensor = try Tensor(
            type: TensorType(type, shape),
            copying: UnsafeRawBufferPointer(start: elements.bytes, count: elements.bytes == nil ? 0 : elements.count))
        let exchange = try Exchange(
            sealing: tensor, token: Handle.object(token, as: Token.self).token,
            authority: try text(authority, "the authority"), to: Handle.object(peer, as: Peer.self))
        message.set(exchange.message)
        request.pointee = Handle.make(exchange)
    }
}

/// Opens the answer to a request. `infenclave.h` documents parameters and result.
@c @implementation
public func infenclave_open(
    _ request: OpaquePointer!, _ answer: infenclave_bytes, _ classes: UnsafeMutablePointer<infenclave_buffer>!,
    _ failure: UnsafeMutablePointer<infenclave_buffer>!
) -> Int32 {
    guard let request, let classes, let failure else { return INFENCLAVE_MISUSE }
    return InfenclaveC.answer(failure) {
        let exchange = Handle.object(request, as: Exchange.self)
        classes.set(jsonBytes(try exchange.classes(in: bytes(answer, "the answer"))))
    }
}

/// Frees a request; its answer can then not be opened.
@c @implementation
public func infenclave_request_free(_ request: OpaquePointer!) { Handle.free(request, as: Exchange.self) }
