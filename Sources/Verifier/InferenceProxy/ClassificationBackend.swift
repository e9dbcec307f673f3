// SPDX-License-Identifier: Apache-2.0
package import InfenclaveImaging

/// The model in verified enclaves behind the proxy. A protocol, so that tests can replace it.
package protocol ClassificationBackend: Sendable {
    /// The model that an accepted enclave serves.
    ///
    /// - Throws: ``ClientError``; `CancellationError`.
    func model() async throws -> ServedModel

    /// Classifies one input in an enclave.
    ///
    /// - Throws: ``ClientError``; `CancellationError`.
    func classify(_ input: ModelInput) async throws -> [Classification]

    /// Whether a request would be answered, from the known state of the servers; if not, the reason.
    var readiness: Readiness { get }
}

/// The input of one classification, in the form in which the sender has it.
package enum ModelInput: Sendable {
    /// In the form that the network takes: f32 `[1, channels, height, width]` or u8 `[1, height, width, channels]`.
    case tensor(Tensor)
    /// The bytes of an image file. It is decoded as late as possible, because pixels take up to a hundred times the
    /// memory.
    case picture([UInt8])
}

package enum Readiness: Sendable, Hashable {
    case ready
    case notReady(reason: String)
}

/// The properties of a model, from the evidence of an enclave.
package struct ServedModel: Sendable, Hashable {
    package let name: String
    /// The name of the input tensor.
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
