// SPDX-License-Identifier: Apache-2.0
package import InfenclaveImaging

/// The model in verified enclaves behind the proxy. A protocol, so that tests can replace it.
package protocol ClassificationBackend: Sendable {
    /// The model, once an enclave that the policy accepts serves it.
    ///
    /// - Throws: ``ClientError``; `CancellationError`.
    func model() async throws -> ServedModel

    /// Classifies one input in an enclave.
    ///
    /// - Throws: ``ClientError``; `CancellationError`.
    func classify(_ input: ModelInput) async throws -> [Classification]

    /// Whether a request would be answered, without asking anybody; the reason why not.
    var readiness: Readiness { get }
}

/// One picture, as its sender has it.
package enum ModelInput: Sendable {
    /// As the network takes it: f32 `[1, channels, height, width]` or u8 `[1, height, width, channels]`.
    case tensor(Tensor)
    /// A file of JPEG, PNG or WebP. It is decoded last: what is decoded takes a hundred times the memory.
    case picture([UInt8])
}

package enum Readiness: Sendable, Hashable {
    case ready
    case notReady(reason: String)
}

/// What the evidence of an enclave says of its model.
package struct ServedModel: Sendable, Hashable {
    package let name: String
    /// Of the tensor.
    package let inputName: String
    package let channels: Int
    package let height: Int
    package let width: Int
    package let acceptsFloats: Bool
    package let classes: Int
    /// How many of them an answer lists.
    package let topK: Int

    package init(
        name: String, inputName: String, channels: Int, height: Int, width: Int, acceptsFloats: Bool, classes: Int,
        topK: Int
    ) {
        self.name = name
        self.inputName = inputName
        self.channels = channels
        self.height = height
        self.width = width
        self.acceptsFloats = acceptsFloats
        self.classes = classes
        self.topK = topK
    }

    init(_ session: EnclaveSession) {
        let service = session.peer.manifestCore.service
        self.init(
            name: session.manifest.model.name, inputName: session.manifest.input.name, channels: service.channels,
            height: service.height, width: service.width, acceptsFloats: service.acceptsFloats,
            classes: service.classes, topK: service.topK)
    }
}
